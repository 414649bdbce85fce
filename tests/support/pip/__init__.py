"""Packages, source trees and people who install them."""
