// The forms of `spindle realtime`: schedules, and what can be said without one.
#pragma once

#include "cli/face/face.h"

namespace spindle::cli {

const Form& schedule_form();
/// Response times, and the bound of Liu and Layland.
const std::vector<const Form*>& analysis_forms();

}  // namespace spindle::cli
