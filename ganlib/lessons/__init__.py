"""What one notebook shows, ready-made: its guesses, its demos, its figures. One file a notebook.

The notebook imports its file as `lesson`; `lesson.NAME??` in a cell shows how a thing is made.
"""
