# From what debootstrap makes to what cibuildwheel takes for a manylinux image; rehearsal_image.py
# builds it. The compiler and binutils are the distribution's, and so is Rust: the one of its security
# updates, since no toolchain may be fetched.
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
# The interpreter that builds, by the name of its identifier, and the one that cibuildwheel itself uses.
RUN mkdir /opt/python \
    && python3 -m venv /opt/python/cp311-cp311 \
    && ln -s cp311-cp311 /opt/python/cp39-cp39
CMD ["/bin/bash"]
