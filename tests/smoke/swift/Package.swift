// swift-tools-version:6.2
import PackageDescription

let package = Package(
    name: "bridge",
    platforms: [.macOS(.v11)],
    targets: [
        .binaryTarget(
            name: "CTemporal",
            path: "temporal.artifactbundle.zip"
        ),
        .executableTarget(
            name: "bridge",
            dependencies: ["CTemporal"],
            linkerSettings: [
                .linkedLibrary("gcc_s", .when(platforms: [.linux])),
                .linkedLibrary("util", .when(platforms: [.linux])),
                .linkedLibrary("rt", .when(platforms: [.linux])),
                .linkedLibrary("pthread", .when(platforms: [.linux])),
                .linkedLibrary("m", .when(platforms: [.linux])),
                .linkedLibrary("dl", .when(platforms: [.linux])),
                .linkedLibrary("iconv", .when(platforms: [.macOS])),
                .linkedFramework("Security", .when(platforms: [.macOS])),
                .linkedFramework("CoreFoundation", .when(platforms: [.macOS])),
            ]
        ),
    ]
)
