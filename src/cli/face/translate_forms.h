// The forms of `spindle translate`, and what they share.
#pragma once

#include <algorithm>

#include "cli/face/face.h"

namespace spindle::cli {

/// Addresses through a table, or through registers.
const Form& translation_form();
/// The buffer of translations before that.
const Form& tlb_form();

/// How each address was translated, in a sentence.
std::vector<std::string> translation_reasons(const Solved& solved);
/// What an address became: nothing, a place, or with the directory's tables a place and the byte
/// there, or in which table it ended.
std::string physical_text(const Json& physical);

inline std::uint64_t natural(const Json& value) {
  return static_cast<std::uint64_t>(std::max(0.0, as_number(value)));
}

}  // namespace spindle::cli
