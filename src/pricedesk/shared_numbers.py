"""Whole numbers in memory that processes share."""

import mmap

BYTES = 8


def shared_numbers(count: int) -> "memoryview[int]":
    """So many numbers, all 0, for this process and those that are forked from it afterwards.

    Each is to be written by one process. Who reads one meanwhile gets the old or the new number,
    never a part of each.
    """
    return memoryview(mmap.mmap(-1, count * BYTES)).cast("q")
