"""``make behavior``: record the answers of the command and the Python API; compare recordings.

A recording has every option of ``temporal-libs-config`` and every function of the Python API, in
each state of an installation: intact or damaged, with the wheel's libraries, with those of
TEMPORAL_LIBS_DIR, or with compiled ones. Record before and after a change of the package's
structure. Both recordings must be equal.

Recording works on Linux. It installs, downloads and compiles nothing: each state is a copy of the
installed package with small libraries, and a stand-in replaces cargo. A few cases test the
installed package itself. Two recordings of the same package have the same bytes.
"""
