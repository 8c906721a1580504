#include "spindle/policy/policy_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <vector>

#include "library_file.h"
#include "plugins.h"
#include "spindle/base/log.h"

namespace spindle {
namespace {

constexpr std::size_t kMostLibraries = 256;
constexpr std::size_t kLongestName = 32;

/// What differs from kind to kind.
struct Kind {
  std::string_view words;
  const char* unknown;  ///< why a name is refused
  const char* symbol;
  std::string_view macro;
  std::span<const std::string_view> (*names)();
  std::string (*name_of)(const void* registration);
};

/// The name that the policy itself gives, asked once; empty if none is made.
template <class Policy, class... Parameters, class... Arguments>
std::string name_of(const plugin::Registration<Policy, Parameters...>* registration,
                    const Arguments&... arguments) {
  const std::unique_ptr<Policy> policy(registration->make(arguments...));
  return policy ? std::string(policy->name()) : std::string();
}

constexpr std::array<Kind, 4> kKinds = {{
    {"arm policy", "no arm policy has this name", "spindle_arm_policy", "SPINDLE_ARM_POLICY",
     arm_policy_names,
     [](const void* registration) {
       return name_of(static_cast<const plugin::ArmRegistration*>(registration), ArmConventions());
     }},
    {"replacement policy", "no replacement policy has this name", "spindle_replacement_policy",
     "SPINDLE_REPLACEMENT_POLICY", replacement_policy_names,
     [](const void* registration) {
       return name_of(static_cast<const plugin::ReplacementRegistration*>(registration),
                      std::size_t{1}, ReplacementConventions());
     }},
    {"fit policy", "no fit policy has this name", "spindle_fit_policy", "SPINDLE_FIT_POLICY",
     fit_policy_names,
     [](const void* registration) {
       return name_of(static_cast<const plugin::FitRegistration*>(registration));
     }},
    {"CPU policy", "no CPU policy has this name", "spindle_cpu_policy", "SPINDLE_CPU_POLICY",
     cpu_policy_names,
     [](const void* registration) {
       return name_of(static_cast<const plugin::CpuRegistration*>(registration), CpuConventions());
     }},
}};

const Kind& of(PolicyKind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}

/// All that was loaded, and what came of it.
struct Table {
  struct Library {
    std::string path;
    LibraryFile::Identity identity;
    void* handle = nullptr;
    WatchedLibrary* watched = nullptr;
    std::array<Plugin*, kKinds.size()> plugins{};
  };
  using Names = std::vector<std::string_view>;

  std::mutex loading;  ///< held while a library is loaded; `libraries` is under it
  std::vector<Library> libraries;
  std::mutex mutex;  ///< guards the members that follow
  std::vector<std::unique_ptr<Plugin>> plugins;
  std::set<Names> lists;  ///< every list that there ever was: earlier ones may still be read
  std::array<const Names*, kKinds.size()> names{};  ///< the list of each kind; null: not made yet
  std::set<std::string> sentences;                  ///< the texts of errors, which refer to them
  std::optional<PolicyFault> fault;
};

Table& table() {
  static Table& made = *new Table;  // objects that end later than this may still ask
  return made;
}

Plugin* find(PolicyKind kind, std::string_view name) {
  const auto& plugins = table().plugins;
  const auto found = std::ranges::find_if(plugins.rbegin(), plugins.rend(), [&](const auto& one) {
    return one->kind == kind && one->name == name;
  });
  return found == plugins.rend() ? nullptr : found->get();
}

Error refusal(int code, std::string_view path, std::string_view why) {
  constexpr std::size_t kMostSentences = 1000;
  const std::lock_guard guard(table().mutex);
  auto& sentences = table().sentences;
  if (sentences.size() >= kMostSentences) return {code, "the library cannot be loaded"};
  return {code, sentences.insert(std::string(path) + ": " + std::string(why)).first->c_str()};
}

bool is_good_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-._";
  return !name.empty() && name.size() <= kLongestName &&
         name.find_first_not_of(kLetters) == name.npos;
}

Result<Table::Library*> library_at(const std::string& path) {
  const auto file = LibraryFile::open(path);
  if (!file.ok()) return refusal(file.code(), path, file.error().what);
  auto& libraries = table().libraries;
  const auto last =
      std::ranges::find(libraries.rbegin(), libraries.rend(), path, &Table::Library::path);
  const bool is_loaded = last != libraries.rend() && last->identity == file->identity();
  if (is_loaded && last->watched->fault() == nullptr) return &*last;
  if (libraries.size() >= kMostLibraries)
    return refusal(ENOSPC, path, "256 libraries have been loaded, which is all there may be");
  std::string why;
  void* handle = file->load(why);
  if (handle == nullptr) return refusal(EINVAL, path, why);
  libraries.push_back({path, file->identity(), handle, &watch_library(handle)});
  return &libraries.back();
}

Error refusal_of_none(const Table::Library& library, PolicyKind kind) {
  return refusal(EINVAL, library.path,
                 "it has no " + std::string(of(kind).words) + "; " + std::string(of(kind).macro) +
                     "(CLASS) registers one");
}

/// What the library hands out, if that is for this Spindle.
Result<const void*> registration_of(const Table::Library& library, PolicyKind kind) {
  void* const symbol = ::dlsym(library.handle, of(kind).symbol);
  if (symbol == nullptr) return refusal_of_none(library, kind);
  const void* registration = nullptr;
  const auto failure = failure_of(
      *library.watched, [&] { registration = reinterpret_cast<const void* (*)()>(symbol)(); });
  if (failure)
    return refusal(EINVAL, library.path, "its " + std::string(of(kind).words) + " " + failure->why);
  if (registration == nullptr) return refusal_of_none(library, kind);
  const auto& head = *static_cast<const plugin::FitRegistration*>(registration);
  if (head.interface != plugin::kInterface)
    return refusal(EINVAL, library.path,
                   "it was built for version " + std::to_string(head.interface) +
                       " of the policy headers, and this is version " +
                       std::to_string(plugin::kInterface) + ": rebuild it");
  if (head.standard_library == nullptr || head.make == nullptr)
    return refusal_of_none(library, kind);
  if (std::string_view(head.standard_library) != plugin::kStandardLibrary)
    return refusal(EINVAL, library.path,
                   "it was built with " + std::string(head.standard_library) + ", and this with " +
                       plugin::kStandardLibrary);
  return registration;
}

Result<Plugin*> plugin_of(Table::Library& library, PolicyKind kind) {
  Plugin*& plugin = library.plugins[static_cast<std::size_t>(kind)];
  if (plugin != nullptr) return plugin;
  const void* const registration = TRY(registration_of(library, kind));
  std::string name;
  if (const auto failure =
          failure_of(*library.watched, [&] { name = of(kind).name_of(registration); }))
    return refusal(EINVAL, library.path, "its " + std::string(of(kind).words) + " " + failure->why);
  if (!is_good_name(name))
    return refusal(EINVAL, library.path,
                   "a name is made of up to 32 small letters, digits, '-', '.' and '_'");
  const Plugin* const other = find_plugin(kind, name);
  const auto names = of(kind).names();
  if (other == nullptr && std::ranges::find(names, name) != names.end())
    return refusal(EEXIST, library.path, "the built-in '" + name + "' has that name");
  if (other != nullptr && other->path != library.path)
    return refusal(EEXIST, library.path, "'" + name + "' is the name of the one of " + other->path);
  const std::lock_guard guard(table().mutex);
  table().plugins.push_back(
      std::make_unique<Plugin>(Plugin{kind, name, library.path, registration, *library.watched}));
  return plugin = table().plugins.back().get();
}

}  // namespace

std::string words_of_exception() {
  constexpr std::size_t kLongestWhat = 200;
  std::string what = "threw an exception";
  try {
    throw;
  } catch (const EndlessQuestions&) {
    return "asked and asked, and did not choose";
  } catch (const std::exception& exception) {
    const char* const said = exception.what();
    if (said != nullptr) what += ": " + std::string(said).substr(0, kLongestWhat);
  } catch (...) {
  }
  std::ranges::replace_if(
      what, [](unsigned char c) { return c < ' '; }, ' ');
  return what;
}

const Plugin* find_plugin(PolicyKind kind, std::string_view name) {
  const std::lock_guard guard(table().mutex);
  return find(kind, name);
}

std::span<const std::string_view> with_plugins(PolicyKind kind,
                                               std::span<const std::string_view> built_in) {
  const std::lock_guard guard(table().mutex);
  if (table().plugins.empty()) return built_in;
  const Table::Names*& names = table().names[static_cast<std::size_t>(kind)];
  if (names == nullptr) {
    Table::Names made(built_in.begin(), built_in.end());
    for (const auto& plugin : table().plugins)
      if (plugin->kind == kind && !plugin->misbehaved && find(kind, plugin->name) == plugin.get())
        made.push_back(plugin->name);
    names = &*table().lists.insert(std::move(made)).first;
  }
  return *names;
}

void report_misbehaviour(const Plugin& plugin, std::string_view why, std::string_view instead) {
  std::string text = std::string(of(plugin.kind).words) + " '" + plugin.name + "' of " +
                     plugin.path + " " + std::string(why) + "; " + std::string(instead) +
                     " takes its place";
  const std::lock_guard guard(table().mutex);
  auto& mine = const_cast<Plugin&>(plugin);
  // Policies that run at the same time have the same fault.
  if (!mine.misbehaved) log(LogLevel::kError, text);
  mine.misbehaved = true;
  table().names[static_cast<std::size_t>(plugin.kind)] = nullptr;
  table().fault = PolicyFault{wall_time(), std::move(text)};
}

std::span<const std::string_view> policy_names(PolicyKind kind) {
  return of(kind).names();
}

bool is_policy_library(std::string_view text) {
  return text.find('/') != text.npos;
}

Result<std::string_view> load_policy(PolicyKind kind, std::string_view path) {
  const std::lock_guard loading(table().loading);
  const auto whole_path = whole_path_of(path);
  if (!whole_path) return refusal(errno, path, "it cannot be found");
  Table::Library& library = *TRY(library_at(*whole_path));
  Plugin& plugin = *TRY(plugin_of(library, kind));
  const std::lock_guard guard(table().mutex);
  plugin.misbehaved = false;
  table().names[static_cast<std::size_t>(kind)] = nullptr;
  return std::string_view(plugin.name);
}

Result<std::string_view> load_policy_once(PolicyKind kind, std::string_view path) {
  const auto whole_path = whole_path_of(path);
  if (whole_path) {
    const std::lock_guard guard(table().mutex);
    const auto& plugins = table().plugins;
    const auto found = std::ranges::find_if(plugins.rbegin(), plugins.rend(), [&](const auto& one) {
      return one->kind == kind && one->path == *whole_path;
    });
    if (found != plugins.rend()) return std::string_view((*found)->name);
  }
  return load_policy(kind, path);
}

Result<std::string_view> policy_named(PolicyKind kind, std::string_view text) {
  if (is_policy_library(text)) return load_policy(kind, text);
  const auto names = policy_names(kind);
  const auto found = std::ranges::find(names, text);
  if (found != names.end()) return *found;
  return Error{EINVAL, of(kind).unknown};
}

std::optional<PolicyFault> last_policy_fault() {
  const std::lock_guard guard(table().mutex);
  return table().fault;
}

}  // namespace spindle
