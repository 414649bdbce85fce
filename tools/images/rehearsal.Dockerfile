# Turns debootstrap's system into an image that cibuildwheel accepts as manylinux; rehearsal.py builds
# it. Compiler, binutils and Rust come from the distribution: Rust from its security updates, because
# no toolchain may be fetched.
ARG BASE
FROM ${BASE}
ARG ACQUIRE
ARG SOURCES
RUN printf '%s\n' "$ACQUIRE" > /etc/apt/apt.conf.d/99rehearsal \
    && printf '%s\n' "$SOURCES" > /etc/apt/sources.list \
    && apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        build-essential ca-certificates cargo-web git python3 python3-venv rustc-web \
    && apt-get clean \
    && rm -r /var/lib/apt/lists/* /etc/apt/apt.conf.d/99rehearsal
# The interpreter for the build, named like its identifier, and the one that cibuildwheel itself uses.
RUN mkdir /opt/python \
    && python3 -m venv /opt/python/cp311-cp311 \
    && ln -s cp311-cp311 /opt/python/cp39-cp39
CMD ["/bin/bash"]
