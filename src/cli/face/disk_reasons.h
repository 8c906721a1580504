// Why the arm went where it went: a sentence for each request served.
#pragma once

#include "cli/face/face.h"

namespace spindle::cli {

std::vector<std::string> disk_reasons(const Solved& solved);

}  // namespace spindle::cli
