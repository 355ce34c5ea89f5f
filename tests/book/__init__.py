"""Tests of what is published and of building the book."""
