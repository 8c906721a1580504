// The signals of one process, a form of `spindle processes`.
#pragma once

#include "cli/face/face.h"

namespace spindle::cli {

const Form& signals_form();

}  // namespace spindle::cli
