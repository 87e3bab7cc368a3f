"""What is shown, in the same words at every door: pure functions from data to short texts.

Sizes, times, lists of names, how items ended, what an interrupt does, how a command ended; and text
from anywhere made safe for one line.
"""
