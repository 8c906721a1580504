// Traces at full speed: what `--trace` and `--curve` do.
#pragma once

#include <map>
#include <span>

#include "cli/face/face.h"
#include "cli/progress.h"
#include "spindle/base/result.h"
#include "spindle/policy/policy_library.h"
#include "spindle/trace/disk_trace.h"

namespace spindle::cli {

void replay_pages(const FaceRequest& request, Complaint& complaint);
void replay_disks(const FaceRequest& request, Complaint& complaint);

/// The devices of a trace, put one behind the other on one disk.
struct TraceLayout {
  std::map<std::uint64_t, std::uint64_t> start_of;
  std::uint64_t bytes = 0;
  std::uint64_t requests = 0;
};
TraceLayout lay_out(DiskTrace& trace, const std::string& file, Progress& progress,
                    Complaint& complaint);

/// The policies that are asked for, of that kind or one of `others`; those of libraries are loaded.
std::vector<std::string> chosen_policies(const FaceRequest& request, PolicyKind kind,
                                         const std::vector<std::string>& others,
                                         std::string_view fallback, Complaint& complaint);
/// The names, with the paths of libraries replaced by the names of their policies. A complaint
/// begins with the option.
std::vector<std::string> with_libraries_loaded(std::string_view option, PolicyKind kind,
                                               std::vector<std::string> names,
                                               Complaint& complaint);
/// The numbers that are given for a parameter, or the fallback.
std::vector<std::uint64_t> trace_numbers(const FaceRequest& request, const std::string& name,
                                         const std::string& fallback, double low, double high,
                                         Complaint& complaint);
/// Complains of parameters that a replay does not heed.
void refuse_others(const FaceRequest& request, const std::vector<std::string_view>& known,
                   Complaint& complaint);
/// Complains of an error in the file: "FILE: byte 17: the line is no page number".
void complain_of(const std::string& file, const Error& error, Complaint& complaint);
/// Goes through the trace and calls `use` for each bufferful; false, with a complaint, if it cannot
/// be read to its end.
template <class Use>
bool read_all(DiskTrace& trace, const std::string& file, Complaint& complaint, const Use& use) {
  std::vector<spindle::TracedRequest> requests(std::size_t{1} << 14);
  while (true) {
    const auto count = trace.read(requests);
    if (!count.ok()) return complain_of(file, count.error(), complaint), false;
    if (*count == 0) return true;
    use(std::span(requests).first(*count));
    if (complaint.made()) return false;
  }
}
/// A rate in millions a second.
std::string rate_text(std::uint64_t count, std::int64_t ns);

}  // namespace spindle::cli
