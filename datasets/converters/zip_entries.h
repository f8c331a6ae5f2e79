#pragma once

#include <map>
#include <string>
#include <string_view>

namespace medsweep::datasets {

/// The files in a zip's bytes by their names, unpacked (stored or deflated), each checked against
/// its CRC-32. `where` stands in error texts. Throws std::runtime_error for a zip that is truncated
/// or damaged, std::invalid_argument for an encrypted one, for other methods of compression and for
/// zip64's directories (4 GiB or more, or 65,535 files or more).
std::map<std::string, std::string> read_zip(std::string_view bytes, const std::string& where);

}  // namespace medsweep::datasets
