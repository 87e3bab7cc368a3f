"""Texts that every interface shows alike: pure functions from data to short texts.

Sizes, times, lists of names, statuses, interrupts and outcomes; and text from anywhere made safe
for one line.
"""
