// What the solver answered, as a person or a program reads it.
#pragma once

#include "cli/face/face.h"

namespace spindle::cli {

/// Prints one answer with its picture, table and reasons, or several side by side, the best first:
/// as text, JSON or CSV, and as SVG into its file, as the request asks.
void show(const Form& form, const FaceRequest& request, std::vector<Solved> solved,
          Complaint& complaint);

}  // namespace spindle::cli
