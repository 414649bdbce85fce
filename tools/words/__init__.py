"""Words to avoid: those in the glossary, and those that are not American spelling.

The functions raise `ToolError` if the words cannot be checked.
"""
