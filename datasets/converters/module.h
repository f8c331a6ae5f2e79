#pragma once

namespace medsweep::datasets {

/// A function of a library that lies beside the program and is opened when it is first needed,
/// "libmedsweep_image_codecs.so": what only `prepare` uses costs a training nothing. Any thread may
/// call it. Throws std::runtime_error that names the library.
void* module_function(const char* library, const char* function);

}  // namespace medsweep::datasets
