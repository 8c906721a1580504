// UUIDs as text: 8-4-4-4-12 hexadecimal digits (RFC 4122).
#pragma once

#include <string>
#include <string_view>

#include "spindle/base/checksum.h"
#include "spindle/base/result.h"

namespace spindle {

std::string uuid_text(const Uuid& uuid);
/// EINVAL unless it is one; the nil UUID (all zeros) is refused.
Result<Uuid> parse_uuid(std::string_view text);

}  // namespace spindle
