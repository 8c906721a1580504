// Whether the library keeps what only people ask for: how often workers switched, since when a
// thread waits, where locks were taken. It always does, except in a build that measures what this
// costs (bench/threads).
#pragma once

namespace spindle::thread {

#if defined(SPINDLE_WITHOUT_STATISTICS)
inline constexpr bool kKeepsStatistics = false;
#else
inline constexpr bool kKeepsStatistics = true;
#endif

}  // namespace spindle::thread
