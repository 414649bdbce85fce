/* What the bridge uses of C. build.zig translates it to the module "c". */
#include "temporal-sdk-core-c-bridge.h"
#include "temporal_zig_bridge.h"
