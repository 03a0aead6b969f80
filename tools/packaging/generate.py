#!/usr/bin/env python3
"""Writes what is made of the programs' help: the manual pages and the completion of shells.

Usage: generate.py SLUICE SLUICECTL DIRECTORY DATE     DIRECTORY is made; DATE is that of the pages, 2026-11-29
"""

import os
import sys

import completion
import manual_pages

if __name__ == "__main__":
    sluice, sluicectl, directory, date = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    manual_pages.main(sluice, sluicectl, directory, date)
    completion.main(sluice, sluicectl, directory)
