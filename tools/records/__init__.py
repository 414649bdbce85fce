"""Records of builds and users: gathering, comparing, charting, summarizing."""
