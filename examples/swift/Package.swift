// swift-tools-version:5.5
import PackageDescription

let package = Package(
    name: "server_version",
    targets: [
        .systemLibrary(name: "CTemporal", pkgConfig: "temporal-client"),
        .executableTarget(name: "server_version", dependencies: ["CTemporal"]),
    ]
)
