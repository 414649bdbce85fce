"""Words that are not to be written: the glossary's, and those that are not American spelling.

The functions raise `ToolError` if the words cannot be checked.
"""
