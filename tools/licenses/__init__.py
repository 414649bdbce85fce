"""License texts and SBOM of what is compiled into the archives."""
