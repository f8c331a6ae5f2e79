#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace medsweep::runner {

/// The files in a zip's bytes by their names: views of these bytes, nothing is copied. None for one
/// that is compressed or encrypted; torch.save only stores, so that files can be mapped. Zip64 too.
/// APPNOTE.TXT, PKWARE.
///
/// Each is checked against its CRC-32, but where that is 0: torch.save may leave it out.
/// `where` stands in error texts. Throws std::runtime_error for a zip that is truncated or damaged.
std::map<std::string, std::optional<std::string_view>> read_zip_directory(std::string_view file,
                                                                          const std::string& where);

}  // namespace medsweep::runner
