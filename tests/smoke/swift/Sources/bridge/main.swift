// Makes a runtime, and prints the version of the libraries.

import CTemporal

var options = TemporalCoreRuntimeOptions()
let made = temporal_core_runtime_new(&options)
precondition(made.fail == nil, "no runtime was created")
temporal_core_runtime_free(made.runtime)
print(String(cString: temporal_static_libs_version()))
