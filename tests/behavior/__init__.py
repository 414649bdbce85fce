"""``make behavior``: record what the command and the Python API answer; compare two recordings.

A recording has every option of ``temporal-libs-config`` and every function of the Python API, in
each state that an installation can be in: whole or damaged, with the wheel's libraries, with those
of TEMPORAL_LIBS_DIR, or with compiled ones. Record before and after a change of the package's
structure: the two must be the same.

Recording works on Linux. It installs, downloads and compiles nothing: each state is a copy of the
installed package with small libraries in it, and a stand-in takes cargo's place. A few cases are
about the package as it is installed. Two recordings of the same package are the same bytes.
"""
