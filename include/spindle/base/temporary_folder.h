// make_temporary_folder: a place on the host for files that are needed for a while.
//
//   const std::string folder = TRY(make_temporary_folder("spindle-crash"));
//
// Whoever makes it removes it. It does not remove itself, for a volume may be mounted there, whose
// files must stay.
#pragma once

#include <string>
#include <string_view>

#include "spindle/base/result.h"

namespace spindle {

/// A new, empty folder in $TMPDIR, or in /tmp, whose name begins so; only its maker may enter it.
Result<std::string> make_temporary_folder(std::string_view name);

}  // namespace spindle
