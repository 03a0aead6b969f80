#include "engine/cli/domain_import.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/store/store_values.h"
#include "engine/cli/domain_work.h"
#include "engine/domain_keys/opendkim_tables.h"
#include "engine/domain_keys/rspamd_maps.h"
#include "engine/io/files.h"
#include "engine/signing/key_directory.h"
#include "engine/signing/pem.h"
#include "engine/smtp/base64.h"
#include "engine/text/quoted.h"
#include "engine/text/table_text.h"

namespace sluice::cli {
namespace {

constexpr std::size_t kKeyFileBytesMax = std::size_t{64} * 1024;
constexpr std::size_t kTableBytesMax = std::size_t{64} * 1024 * 1024;

struct FoundKey {
  std::string from;  // where it was found, for messages
  std::string domain;
  std::string selector;
  dkim::KeyDer der;
};

// What is found, and a line for each key that is not.
struct FoundKeys {
  std::vector<FoundKey> keys;
  std::vector<std::string> refusals;
};

// Files of OpenDKIM's belong to it, and need not be the caller's.
std::expected<dkim::KeyDer, std::string> read_key(const std::string& file) {
  auto text = io::read_file(file, kKeyFileBytesMax);
  if (!text) return std::unexpected(text.error());
  auto der = signing::key_of_pem(*text);
  smtp::wipe(*text);
  if (!der) return std::unexpected(file + ": " + der.error());
  return der;
}

// `files`: those that the tables were read of.
FoundKeys of_tables(const domain_keys::KeysOfTables& tables, const std::array<std::string, 2>& files) {
  const auto place = [&files](std::size_t table, std::size_t line) {
    return files.at(table) + ":" + std::to_string(line);
  };
  FoundKeys found;
  for (const domain_keys::TableRefusal& refusal : tables.refusals)
    found.refusals.push_back(place(refusal.table, refusal.line) + ": " + refusal.why);
  for (const domain_keys::TableKey& key : tables.keys) {
    const std::string from = place(key.table, key.line);
    auto der = read_key(key.file);
    if (der) {
      found.keys.push_back({.from = from, .domain = key.domain, .selector = key.selector, .der = *std::move(der)});
    } else {
      found.refusals.push_back(from + ": " + der.error());
    }
  }
  return found;
}

using ReadTables = domain_keys::KeysOfTables (*)(std::string_view, std::string_view);
// The file of a table need not be named.
auth::StoreResult<FoundKeys> of_files(ReadTables read, const std::array<std::string, 2>& files) {
  std::array<std::string, 2> texts;
  for (std::size_t table = 0; table < files.size(); ++table) {
    if (files.at(table).empty()) continue;
    auto text = io::read_file(files.at(table), kTableBytesMax);
    if (!text) return key_refusal(text.error());
    texts.at(table) = *std::move(text);
  }
  return of_tables(read(texts[0], texts[1]), files);
}

FoundKeys of_directory(const std::string& directory) {
  FoundKeys found;
  signing::KeyDirectory source(directory);
  for (const std::string& name : io::list_directories(directory)) {
    const std::string from = directory + "/" + name;
    auto keys = source.keys_of(name);
    if (!keys) found.refusals.push_back(keys.error());
    if (!keys) continue;
    for (dkim::StoredKey& key : *keys)
      found.keys.push_back({.from = from, .domain = name, .selector = key.selector, .der = std::move(key.der)});
  }
  return found;
}

auth::StoreResult<FoundKeys> find_keys(const AccountRequest& request) {
  if (request.has(kOptionPem)) return of_directory(request.pem);
  if (request.has(kOptionKeyTable))
    return of_files(domain_keys::read_opendkim_tables, {request.key_table, request.signing_table});
  return of_files(domain_keys::read_rspamd_maps, {request.selector_map, request.path_map});
}

// Domain and algorithm of each key that was imported, or would have been.
using Imported = std::set<std::pair<std::string, std::string>>;

// Signs at once; unless one of its algorithm does.
auth::StoreResult<> import_key(const FoundKey& found, const KeyStore& store, auth::SigningKeyAdmin& admin, bool dry_run,
                               Imported& imported, const AccountCommandWorld& world) {
  // As the store has it, which the seal is bound to.
  const auto domain = auth::stored_domain_entry(found.domain);
  if (!domain) return std::unexpected(domain.error());
  auto key =
      domain_keys::key_for_store(*domain, found.selector, found.der, auth::KeyState::active, store.storage(world));
  if (!key) return key_refusal(key.error());
  const auto of = std::pair(*domain, key->record.algorithm);
  if (imported.contains(of)) return key_refusal("another key for " + of.second + " was taken before");
  const auto decide = [&](domain_keys::Keys keys) -> auth::StoreResult<auth::KeyChanges> {
    const auto same = std::ranges::find_if(keys, [&key](const auth::SigningKeyRecord& each) {
      return each.state == auth::KeyState::active && each.algorithm == key->record.algorithm;
    });
    if (same != keys.end())
      return key_refusal("domain " + *domain + " has a key for " + same->algorithm + ", " + same->selector);
    auth::KeyChanges changes;
    changes.keys.push_back(*std::move(key));
    return changes;
  };
  auth::StoreResult<> done;
  if (dry_run) {
    const auto keys = admin.keys_of(*domain);
    done = keys ? auth::without_value(decide(*keys)) : auth::without_value(keys);
  } else {
    done = admin.change(*domain, decide);
  }
  if (done) imported.insert(of);
  return done;
}

}  // namespace

auth::StoreResult<> import_domain_keys(const AccountRequest& request, const AccountCommandWorld& world) {
  auto found = find_keys(request);
  if (!found) return std::unexpected(found.error());
  if (found->keys.empty() && found->refusals.empty())
    return key_refusal(request.has(kOptionPem) ? text::in_quotes(request.pem) +
                                                     " has no files DOMAIN/SELECTOR.pem or .der, or cannot be read"
                                               : "the tables name no key");
  const auto store = enter_key_store(world);
  if (!store) return std::unexpected(store.error());
  if (auto takes = check_takes_keys(*store); !takes) return takes;
  const auto admin = auth::SigningKeyAdmin::open(store->address);
  if (!admin) return std::unexpected(admin.error());
  const bool dry_run = request.has(kOptionDryRun);
  Imported imported;
  for (const FoundKey& key : found->keys) {
    const auto done = import_key(key, *store, **admin, dry_run, imported, world);
    if (!done) found->refusals.push_back(key.from + ": key " + key.selector + ": " + done.error().what);
  }
  for (const std::string& refusal : found->refusals) world.err << "sluicectl: " << text::printable(refusal) << "\n";
  world.out << imported.size() << " keys " << (dry_run ? "would be imported" : "imported") << "\n";
  if (found->refusals.empty()) return {};
  return key_refusal(std::to_string(found->refusals.size()) + " of the keys were not taken, for the reasons above");
}

}  // namespace sluice::cli
