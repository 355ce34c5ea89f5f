"""Tests of parameters and of executing notebooks."""
