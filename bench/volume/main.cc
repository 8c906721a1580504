// bench_volume: does one operation to a directory, and prints how long it took.

#include <fmt/format.h>

#include <map>

#include "bench/volume/workload.h"
#include "spindle/base/size_text.h"
#include "spindle/command_line/command_line.h"

namespace spindle::bench {
namespace {

using Operation = Result<Outcome> (*)(const Workload&);

const std::map<std::string, Operation> kOperations = {
    {"write", write_data},      {"read", read_data},        {"create", create_files},
    {"stat", stat_files},       {"list", list_directories}, {"list-attributes", list_attributes},
    {"read-files", read_files}, {"link", link_files},       {"rename", rename_files},
    {"unlink", unlink_links},   {"remove", remove_files},
};

const std::map<std::string, Sync> kSyncs = {
    {"never", Sync::kNever}, {"end", Sync::kAtEnd}, {"each", Sync::kEach}};

template <class Value>
std::vector<std::string> names_of(const std::map<std::string, Value>& table) {
  std::vector<std::string> names;
  for (const auto& [name, value] : table) names.push_back(name);
  return names;
}

void size_option(const Command& command, const std::string& name, std::uint64_t& into,
                 const std::string& what) {
  command
      .option(
          name, [&into](const std::string& text) { into = *parse_size(text); }, what)
      .check([](const std::string& text) {
        const Result<std::uint64_t> size = parse_size(text);
        return size.ok() && *size != 0 ? "" : "'" + text + "' is not a size";
      });
}

struct Request {
  Workload workload;
  std::string operation;
  std::string sync = "never";
};

void add_options(const Command& command, Request& request) {
  Workload& workload = request.workload;
  command
      .option("OPERATION", request.operation,
              fmt::format("{}", fmt::join(names_of(kOperations), ", ")))
      .required()
      .one_of(names_of(kOperations));
  command.option("DIRECTORY", workload.directory, "where").required().existing_directory();
  command.option("--jobs", workload.jobs, "how many jobs run at once (1)").range(1, 256);
  command.option("--seed", workload.seed, "seed of the random choices (1)");
  command
      .option("--sync", request.sync,
              fmt::format("fsync: {} (never)", fmt::join(names_of(kSyncs), ", ")))
      .one_of(names_of(kSyncs));
  size_option(command, "--file-size", workload.file_size, "size of a data file (64M)");
  size_option(command, "--request-size", workload.request_size, "size of one read or write (128K)");
  command.option("--requests", workload.requests,
                 "number of requests of each job, with --random (1000)");
  command.flag("--random", workload.random, "requests go to random places");
  command.flag("--direct", workload.direct, "open files with O_DIRECT");
  command.option("--files", workload.files, "number of small files (20000)").positive();
  command
      .option("--directories", workload.directories,
              "number of directories for the small files (20)")
      .positive();
  command.option("--sample", workload.sample,
                 "use this many small files at random, not all in order");
  command.option("--small-size", workload.small_size, "size of a small file in bytes (1024)");
}

int run(int count, char** arguments) {
  CommandLine line("bench_volume", "bench_volume",
                   "Does one operation to a directory, and prints as JSON how long it took.");
  Request request;
  add_options(line, request);
  if (const auto ended = line.parse(count, arguments, 2)) return *ended;
  request.workload.sync = kSyncs.at(request.sync);
  if (request.workload.request_size > request.workload.file_size) {
    fmt::print(stderr, "bench_volume: a request is larger than the file: raise --file-size\n");
    return 2;
  }
  const Result<Outcome> outcome = kOperations.at(request.operation)(request.workload);
  if (!outcome.ok()) {
    fmt::print(stderr, "bench_volume: {} in {}: {}\n", request.operation,
               request.workload.directory, outcome.error().describe());
    return 1;
  }
  fmt::print("{{\"seconds\": {:.9f}, \"operations\": {}, \"bytes\": {}}}\n", outcome->seconds,
             outcome->amount.operations, outcome->amount.bytes);
  return 0;
}

}  // namespace
}  // namespace spindle::bench

int main(int count, char** arguments) {
  return spindle::bench::run(count, arguments);
}
