// The trace for a person: each request with what happened for its sake, in words.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>

#include "cli/mount/mount_control.h"
#include "cli/trace/traced_requests.h"
#include "cli/words.h"
#include "spindle/base/printable.h"
#include "spindle/base/size_text.h"

namespace spindle::cli {
namespace {

std::string blocks_text(std::uint64_t first, std::uint64_t count) {
  if (count == 1) return fmt::format("block {}", first);
  return fmt::format("blocks {} to {}", first, first + count - 1);
}

std::string blocks_of(const TracedEvent& event) {
  return blocks_text(event.number("block"), event.number("blocks"));
}

std::string file_blocks_of(const TracedEvent& event) {
  const std::uint64_t first = event.number("file_block");
  const std::uint64_t count = event.number("blocks");
  const std::string which = count == 1
                                ? fmt::format("file block {}", first)
                                : fmt::format("file blocks {} to {}", first, first + count - 1);
  return fmt::format("{} of inode {}", which, event.number("inode"));
}

std::string map_clause(const TracedEvent& event) {
  const std::string found =
      fmt::format("{} finds {}", event.word("strategy"), file_blocks_of(event));
  if (event.number("is_hole") != 0) return found + ": a hole";
  const char* state = event.number("is_unwritten") != 0 ? ", not written yet" : "";
  return fmt::format("{} at {}{}", found, blocks_of(event), state);
}

std::string serve_clause(const TracedEvent& event) {
  const auto ns = [&](const char* field) {
    return duration_text(static_cast<std::int64_t>(event.number(field)));
  };
  const std::uint64_t moved = event.number("cylinders");
  std::string way = fmt::format("stays at cylinder {}", event.number("to"));
  if (moved != 0) {
    way = fmt::format("moves {} {}, {} to {}", moved, moved == 1 ? "cylinder" : "cylinders",
                      event.number("from"), event.number("to"));
    // A long run ends in a later cylinder.
    if (event.number("end") != event.number("to"))
      way += fmt::format(" and on to {}", event.number("end"));
  }
  return fmt::format("arm {}: seek {}, rotation {}, transfer {}; {} of {}", way, ns("seek_ns"),
                     ns("rotation_ns"), ns("transfer_ns"), event.word("kind"), blocks_of(event));
}

std::string reply_clause(const TracedEvent& event) {
  const auto error = static_cast<int>(event.number("error"));
  if (error != 0) return fmt::format("answers: {}", std::strerror(error));
  return fmt::format("answers, in a reply of {}", counted(event.number("bytes"), "byte"));
}

std::string queue_clause(const TracedEvent& event) {
  return fmt::format("{} of {} enters the queue ({}; {} in it)", event.word("kind"),
                     blocks_of(event), event.word("purpose"), event.number("depth"));
}

using Clause = std::function<std::string(const TracedEvent&)>;

std::string verb(const char* words, const TracedEvent& event) {
  return fmt::format("{} {}", words, blocks_of(event));
}

std::string about_epoch(const char* words, const TracedEvent& event) {
  return fmt::format("{} epoch {}", words, event.number("epoch"));
}

std::string log_room(const char* words, const TracedEvent& event) {
  return fmt::format("{} {} bytes of log", words, event.number("log_bytes"));
}

const std::map<std::string, Clause>& clauses() {
  using E = const TracedEvent&;
  static const std::map<std::string, Clause> table = {
      {"reply", reply_clause},
      {"map", map_clause},
      {"serve", serve_clause},
      {"queue", queue_clause},
      {"allocate",
       [](E e) {
         return fmt::format("{} gives {} the {}", e.word("strategy"), file_blocks_of(e),
                            blocks_of(e));
       }},
      {"hit", [](E e) { return verb("hit:", e); }},
      {"miss", [](E e) { return verb("miss:", e); }},
      {"blank", [](E e) { return verb("takes in, unread,", e); }},
      {"read_ahead", [](E e) { return verb("reads ahead", e); }},
      {"evict", [](E e) { return fmt::format("{} evicts {}", e.word("policy"), blocks_of(e)); }},
      {"write_back", [](E e) { return verb("writes back", e); }},
      {"begin", [](E e) { return log_room("begins a transaction of at most", e); }},
      {"log_full", [](E e) { return log_room("waits for", e); }},
      {"wait_epoch", [](E e) { return about_epoch("waits until it is durable:", e); }},
      {"durable", [](E e) { return about_epoch("durable now:", e); }},
      {"commit",
       [](E e) {
         return fmt::format("commits {}, {} bytes of log, to epoch {}",
                            counted(e.number("blocks"), "metadata block"), e.number("log_bytes"),
                            e.number("epoch"));
       }},
      {"log",
       [](E e) {
         return fmt::format("writes epoch {} into the log: {} from its block {} on",
                            e.number("epoch"), counted(e.number("blocks"), "block"),
                            e.number("log_block"));
       }},
      {"checkpoint",
       [](E e) {
         return fmt::format("brings home {} of the epochs up to {}",
                            counted(e.number("blocks"), "block"), e.number("epoch"));
       }},
      {"transfer",
       [](E e) {
         return fmt::format("{} of {} ({})", e.word("kind"), blocks_of(e), e.word("purpose"));
       }},
      {"flush", [](E) { return std::string("flush: what was written is durable"); }},
      {"done", [](E) { return std::string("done"); }},
  };
  return table;
}

/// Whether the inode of such a request is a directory, and its path leads to a name in it.
bool names_in_directory(std::string_view operation) {
  constexpr std::string_view kOperations[] = {"lookup", "create", "mknod",   "mkdir", "unlink",
                                              "rmdir",  "rename", "rename2", "link",  "symlink"};
  return std::ranges::find(kOperations, operation) != std::end(kOperations);
}

std::string heading_of(const TracedRequest& request) {
  const TracedEvent& first = request.events.front();
  std::string text = fmt::format("#{} {}", request.id, request.operation());
  if (request.is_task()) {
    if (const auto epoch = first.number("epoch"); epoch != 0)
      text += fmt::format(" of epoch {}", epoch);
    return text;
  }
  if (const std::string path = first.word("path"); !path.empty()) text += " " + printable(path);
  if (const TracedEvent* target = request.target())
    text += " to " + printable(target->word("path"));
  if (const auto inode = first.number("inode"); inode != 0)
    text +=
        fmt::format(", {}inode {}", names_in_directory(request.operation()) ? "in " : "", inode);
  if (const auto size = first.number("size_bytes"); size != 0)
    text += fmt::format(", {} bytes at {}", size, first.number("offset"));
  const std::uint64_t process = first.number("pid");
  return text + (process == 0 ? ", by the kernel" : fmt::format(", by process {}", process));
}

class TreeText {
 public:
  TreeText(const TracedRequests& traced, const chart::TextStyle& style)
      : traced_(traced), style_(style) {}

  std::string text() {
    const auto all = traced_.requests();
    for (const TracedRequest* request : all) nest(*request);
    for (const TracedRequest* request : all)
      if (!nested_.contains(request->id)) add(*request, all.front()->began_ns());
    return std::move(text_);
  }

 private:
  /// Puts a commit below the first request that waits for it.
  void nest(const TracedRequest& request) {
    for (const TracedEvent& event : request.events) {
      if (event.name != "wait_epoch") continue;
      const TracedRequest* commit = traced_.commit_of(event.number("epoch"));
      if (commit != nullptr && nested_.insert(commit->id).second)
        below_[{request.id, event.at_ns}] = commit;
    }
  }

  void add(const TracedRequest& request, std::int64_t zero_ns) {
    text_ += fmt::format(
        "{:.3f} ms  {}  ({})\n", static_cast<double>(request.began_ns() - zero_ns) / 1e6,
        heading_of(request), duration_text(request.ended_ns() - request.began_ns()));
    add_events(request, "");
    text_ += "\n";
  }

  void add_events(const TracedRequest& request, const std::string& indent) {
    for (std::size_t i = request.target() != nullptr ? 2 : 1; i < request.events.size(); ++i) {
      const TracedEvent& event = request.events[i];
      const bool is_last = i + 1 == request.events.size();
      text_ += fmt::format("{}{} {:>10}  {:<8} {}\n", indent,
                           is_last ? style_.pick("└─", "`-") : style_.pick("├─", "|-"),
                           "+" + duration_text(event.at_ns - request.began_ns()),
                           event.name == "done" ? "" : event.layer, clause_of(event));
      const auto found = below_.find({request.id, event.at_ns});
      if (event.name != "wait_epoch" || found == below_.end()) continue;
      const std::string below = indent + std::string(style_.pick("│  ", "|  "));
      text_ += fmt::format("{}{}\n", below, heading_of(*found->second));
      add_events(*found->second, below);
    }
  }

  const TracedRequests& traced_;
  const chart::TextStyle& style_;
  std::set<std::uint64_t> nested_;
  std::map<std::pair<std::uint64_t, std::int64_t>, const TracedRequest*> below_;
  std::string text_;
};

}  // namespace

std::string clause_of(const TracedEvent& event) {
  const auto found = clauses().find(event.name);
  return found == clauses().end() ? event.name : found->second(event);
}

std::string tree_text(const TracedRequests& traced, const chart::TextStyle& style) {
  return TreeText(traced, style).text();
}

}  // namespace spindle::cli
