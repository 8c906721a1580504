// VictimWords: the sentence of what a replacement policy said of a victim (the `choices` of the
// solver's answer), and of what happened to its page.
#pragma once

#include <string>

#include "cli/face/face.h"

namespace spindle::cli {

/// The references that a page has had since it was loaded, numbered from 1 on.
struct PageHistory {
  std::size_t loaded = 0;
  std::size_t used = 0;  ///< last
  std::size_t uses = 0;
};

/// A clause that ends the sentence "7 goes: ...". A policy that says nothing is explained by the
/// page's history.
std::string victim_words(const Json& choice, const std::string& page, const PageHistory& history);

}  // namespace spindle::cli
