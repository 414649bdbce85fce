# examples/docker/Dockerfile as it would be without wheels: pip takes the source distribution, and the
# image that builds needs Rust. The crates are there, as in the other benchmark with a compile; what is
# downloaded otherwise is a matter of the network.
ARG BASE
ARG RUN_BASE

FROM ${BASE} AS libraries
ARG TEMPORAL_STATIC_LIBS_VERSION
ARG ZIGLANG_VERSION
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=bind,source=crates,target=/crates,rw \
    CARGO_HOME=/crates/home pip install --no-binary=temporal-static-libs \
        "temporal-static-libs==$TEMPORAL_STATIC_LIBS_VERSION" "ziglang==$ZIGLANG_VERSION" \
    && temporal-libs-config --verify

FROM libraries AS build
WORKDIR /src
COPY bridge .
RUN --mount=type=cache,target=/root/.cache/zig \
    python3 -m ziglang build -Dcpu=baseline --release=safe --prefix /out \
        --cache-dir /root/.cache/zig/local

FROM ${RUN_BASE} AS run
COPY --from=libraries /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/lib/libtemporal_zig_bridge.so /usr/local/lib/
COPY --from=build /out/bin/zig-bridge-demo /usr/local/bin/
USER 10001:10001
ENTRYPOINT ["zig-bridge-demo"]
