// The journal of a volume, drawn as the ring that it is.
#pragma once

#include "cli/inspect/volume.h"
#include "cli/picture/picture.h"

namespace spindle::cli {

/// `statistics` is what a mount says of its journal; null for an image. EUCLEAN if the journal
/// cannot be read.
Result<DrawnPicture> journal_picture(InspectedVolume& volume, const std::string& subject,
                                     const std::string& caption, const Json& statistics);

}  // namespace spindle::cli
