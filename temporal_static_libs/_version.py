"""The package's version: that of the `temporalio-sdk-core` crate in the archives."""

__version__ = "0.10.1"
