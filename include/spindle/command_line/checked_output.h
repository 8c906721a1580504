// with_checked_output: what a program prints has arrived, or its exit status tells.
//
//   int main(int argc, char** argv) {
//     return with_checked_output("mkfs.spindle", kFailed, [&] { return run(argc, argv); });
//   }
//
// A full disk or a closed descriptor behind standard output is noticed while it is printed to, or
// only when the last of it is written out: either way there is one sentence on standard error. No
// file that `work` opens, an image for one, gets the number of a standard stream that is closed.
#pragma once

#include <functional>
#include <string_view>

namespace spindle {

/// The exit status of `work`; `failed` if not all of what it printed could be written.
int with_checked_output(std::string_view program, int failed, const std::function<int()>& work);

}  // namespace spindle
