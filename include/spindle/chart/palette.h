// The colours of every picture: one meaning, one colour, on paper as in the terminal.
//
// The colours are those of Okabe and Ito ("Color Universal Design", 2008), which people with any
// kind of colour blindness can tell apart, and greys. Lines that have no meaning but to be told
// from one another take `series_colour`, and differ in their dashes too once the colours are used
// up.
#pragma once

#include <cstddef>
#include <string_view>

namespace spindle::chart {

enum class Meaning : unsigned char {
  kRunning,   ///< on the CPU, in use, served: what one wants to see
  kWaiting,   ///< ready, queued, kept as it was
  kDevice,    ///< input or output
  kOverhead,  ///< context switch, fragmentation: what is paid for nothing
  kHit,
  kMiss,  ///< also a missed deadline, a deadlock
  kFree,
  kReturn,  ///< the arm on a way that serves nothing
};

/// The colour as "#0072B2".
std::string_view colour_of(Meaning meaning);
/// The name in a legend: "waiting".
std::string_view name_of(Meaning meaning);
/// The colour of text on a ground of that colour.
std::string_view ink_on(Meaning meaning);

/// What the journal holds, in every map of a disk; and a paler shade for the part of it that is
/// written home already.
std::string_view journal_colour();
std::string_view old_journal_colour();

/// The colour of line number `series`, counted from 0.
std::string_view series_colour(std::size_t series);
/// The dashes of that line, as SVG's stroke-dasharray; empty: it has none.
std::string_view series_dashes(std::size_t series);

}  // namespace spindle::chart
