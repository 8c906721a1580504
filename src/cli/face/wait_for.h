// Cycles of who waits for whom, a form of `spindle deadlock`.
#pragma once

#include "cli/face/face.h"

namespace spindle::cli {

const Form& wait_for_form();

}  // namespace spindle::cli
