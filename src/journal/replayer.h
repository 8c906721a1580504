// A replay that tells its story, for replay_story.cc.
#pragma once

#include "spindle/journal/replay.h"

namespace spindle {

/// Replays the log on `device`, and adds to the story what is revoked and what goes home.
Result<ReplayReport> replay_into(ReplayStory& story, BlockDevice& device,
                                 const format::Layout& layout);

}  // namespace spindle
