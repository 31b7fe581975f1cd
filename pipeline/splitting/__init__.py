"""What a scan holds: which pages are cover sheets, which are blank, and where one document ends and the next begins.

Pure functions over pages as they were read; nothing here opens a file.
"""
