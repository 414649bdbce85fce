"""Words that are not to be written: the glossary's, and those that are not American spelling."""
