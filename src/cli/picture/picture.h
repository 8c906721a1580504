// A picture of a volume, in each of the forms that it can take.
#pragma once

#include <functional>
#include <string>

#include "cli/words.h"
#include "spindle/chart/text_style.h"

namespace spindle::cli {

enum class PictureKind : std::uint8_t {
  kBlocks,
  kArm,
  kSeeks,
  kResponses,
  kHits,
  kJournal,
  kPolicies
};

struct DrawnPicture {
  std::string svg;
  std::string text;
  Json json;
};

}  // namespace spindle::cli
