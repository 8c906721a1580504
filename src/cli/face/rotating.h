// Disks whose rotation counts, a form of `spindle disk`.
#pragma once

#include "cli/face/face.h"

namespace spindle::cli {

const Form& rotating_form();

}  // namespace spindle::cli
