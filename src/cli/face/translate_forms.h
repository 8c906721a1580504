// The forms of `spindle translate`, and what they share.
#pragma once

#include <algorithm>

#include "cli/face/face.h"

namespace spindle::cli {

/// Addresses through a table, or through registers.
const Form& translation_form();
/// The TLB, which is asked before that.
const Form& tlb_form();

/// How each address was translated, in a sentence.
std::vector<std::string> translation_reasons(const Solved& solved);
/// The physical address, or why there is none; with a directory of tables also the byte there, or
/// the table at which the translation ended.
std::string physical_text(const Json& physical);

inline std::uint64_t natural(const Json& value) {
  return static_cast<std::uint64_t>(std::max(0.0, as_number(value)));
}

}  // namespace spindle::cli
