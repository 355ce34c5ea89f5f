"""What a chapter shows, each by one call: data, networks, runs, figures and tables of results, verdicts.

Everything here can be shown without the data and from whatever runs there are: a result without runs is a sentence.
"""
