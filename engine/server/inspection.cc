#include "engine/server/inspection.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <utility>

#include "auth/backend/kinds.h"
#include "auth/backend/oauth.h"
#include "auth/backend/store_server.h"
#include "auth/store/store_address.h"
#include "auth/store/store_schema.h"
#include "engine/event/log_key.h"
#include "engine/io/disk.h"
#include "engine/io/local_socket.h"
#include "engine/io/port_claim.h"
#include "engine/io/process.h"
#include "engine/io/real_dns.h"
#include "engine/io/real_platform.h"
#include "engine/io/real_ring.h"
#include "engine/server/certificates_of.h"
#include "engine/server/cluster_trial.h"
#include "engine/server/plan_file.h"
#include "engine/server/server.h"
#include "engine/server/spool_start.h"
#include "engine/smtp/ascii.h"
#include "engine/text/quoted.h"
#include "engine/tls/client_authority.h"

namespace sluice::server {
namespace {

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class Inspector {
 public:
  explicit Inspector(std::string file) : file_(std::move(file)) {}

  Inspection run() {
    auto plan = load_plan(file_);
    if (!plan) return {.errors = plan.error(), .notes = {}};
    plan_ = *std::move(plan);
    check_machine();
    check_addresses();
    check_control();
    check_monitoring();
    check_state_is_made();
    if (const auto owner = check_user()) {
      // From here on as the relay will be, once it has dropped its privileges.
      const io::ActAs user(config().server.user, *owner);
      check_as_user();
    }
    for (const std::size_t route : unreachable_routes(config().routes, *plan_->route_table))
      add("route " + config().routes[route].route.name,
          "can never match: routes before it take all mail that it would");
    return std::move(found_);
  }

 private:
  [[nodiscard]] const config::Config& config() const { return plan_->config; }
  [[nodiscard]] std::string user() const {
    return io::running_as_root() || acting_ ? config().server.user : "this user";
  }
  void add(const std::string& what, const std::string& problem) { found_.errors.push_back(what + ": " + problem); }

  std::optional<io::Owner> check_user() {
    if (!io::running_as_root()) return io::Owner{};
    auto owner = io::find_owner(config().server.user, config().server.group);
    if (owner) {
      acting_ = owner->uid != 0;
      return *owner;
    }
    const bool known = io::find_owner(config().server.user, "").has_value();
    add(known ? "server.group" : "server.user", owner.error());
    return std::nullopt;
  }

  void check_machine() {
    if (const auto ring = io::make_real_ring({}); !ring) found_.errors.push_back(ring.error());
    if (const auto made = io::make_real_dns(dns_options(config().dns)); !made) add("dns", made.error());
    if (const auto opened = auth::open_backends(config().backends, config().oauth); !opened)
      found_.errors.insert(found_.errors.end(), opened.error().begin(), opened.error().end());
    if (const auto fine = check_plan(*plan_); !fine)
      found_.errors.insert(found_.errors.end(), fine.error().begin(), fine.error().end());
  }

  static bool may_be_ours(const io::AddressFault& fault, std::optional<std::uint32_t> relay) {
    return fault.in_use && relay && (*relay == 0 || fault.holder.number == 0 || *relay == fault.holder.number);
  }

  // What the relay has that runs by this configuration is free for it at the next start.
  void check_addresses() {
    const std::optional<std::uint32_t> relay = io::local_listener(config().server.control);
    for (const ListenerPlan& listener : plan_->listeners) {
      for (const io::Address& address : listener.addresses) {
        const io::AddressFault fault = io::address_fault(address);
        if (!fault.sentence.empty() && !may_be_ours(fault, relay)) add("listener.address", fault.sentence);
      }
    }
  }

  void check_monitoring() {
    const std::optional<std::uint32_t> relay = io::local_listener(config().server.control);
    for (const std::string& listen : config().metrics.listen) {
      const auto address = io::Address::parse(listen);
      if (!address) check_socket("metrics.listen", listen);
      const io::AddressFault fault = address ? io::address_fault(*address) : io::AddressFault();
      if (!fault.sentence.empty() && !may_be_ours(fault, relay)) add("metrics.listen", fault.sentence);
    }
  }

  // Likewise, and given to server.user.
  void check_state_is_made() {
    const std::string& state = config().server.state_dir;
    makes_state_ = io::look_at_path(state).state == io::PathState::missing;
    if (makes_state_) check_can_make("server.state_dir", parent_of(state));
  }

  // Made while the relay is still root, where it began as root.
  void check_control() {
    check_socket("server.control", config().server.control);
    const std::string& support = config().server.support_control;
    if (!support.empty()) check_socket("server.support_control", support);
  }
  void check_socket(const std::string& what, const std::string& path) {
    const io::PathAccess there = io::look_at_path(path);
    if (there.state == io::PathState::file || there.state == io::PathState::directory)
      add(what, path + ": exists and is not a socket");
    check_can_make(what, parent_of(path));
  }

  // `directory` is there and may be written to, or can be made.  False: that has been said.
  bool check_can_make(const std::string& what, const std::string& directory) {
    for (std::string above = directory;; above = parent_of(above)) {
      if (makes_state_ && above == config().server.state_dir) return true;
      const io::PathAccess access = io::look_at_path(above);
      if (access.state == io::PathState::directory) {
        if (!access.writable) add(what, above + ": " + user() + " may not write there");
        return access.writable;
      }
      if (access.state != io::PathState::missing) {
        add(what, above + ": is not a directory that can be looked into");
        return false;
      }
      if (above == "/" || above == ".") return true;
    }
  }

  void check_as_user() {
    check_state();
    check_spool();
    check_maildirs();
    check_log();
    check_log_sockets();
    check_log_key();
    const bool store = check_store();
    check_certificates();
    check_reload();
    check_oauth();
    check_cluster();
    check_keys();
    if (store) check_customers();
  }

  void check_state() {
    const std::string& state = config().server.state_dir;
    const io::PathAccess access = io::look_at_path(state);
    if (makes_state_) return;
    if (access.state != io::PathState::directory) {
      add("server.state_dir", state + ": is not a directory that " + user() + " can look into");
    } else if (!access.writable) {
      add("server.state_dir", state + ": " + user() + " may not write there");
    }
  }

  void check_spool() {
    const std::string& spool = config().spool.directory;
    const io::PathAccess there = io::look_at_path(spool);
    if (there.state == io::PathState::directory) {
      if (!there.writable || !there.readable)
        add("spool.directory", spool + ": " + user() + " may not read and write there");
    } else if (there.state != io::PathState::missing) {
      add("spool.directory", spool + ": is not a directory that " + user() + " can look into");
    } else {
      check_can_make("spool.directory", parent_of(spool));
    }
    const auto disk = io::make_real_disk();
    const auto note = [this](const std::string& what) { found_.notes.push_back("spool.directory: " + what); };
    if (const auto fine = examine_spool(*disk, config(), note);
        !fine && fine.error().error != EACCES)  // of which was spoken
      add("spool.directory", fine.error().text);
    check_space(*disk);
  }

  // Of the file system that the spool is on, or will be.
  void check_space(io::Disk& disk) {
    std::string place = config().spool.directory;
    while (io::look_at_path(place).state == io::PathState::missing && place != "/") place = parent_of(place);
    const auto free = disk.free_bytes(place);
    const std::uint64_t least = config().spool.free_bytes_min;
    if (free && *free < least)
      add("spool.free_bytes_min", place + ": " + std::to_string(*free) +
                                      " bytes are left on the file system, less than " + std::to_string(least) +
                                      ": all mail would be answered with 452");
  }

  // Where they are missing, they are made with the first message.
  void check_maildirs() {
    for (const config::RouteConfig& each : config().routes)
      for (const char* part : {"/tmp", "/new", "/cur"})
        if (const route::Route& route = each.route;
            !route.maildir.empty() && !check_can_make("route " + route.name + ": maildir", route.maildir + part))
          break;
  }

  void check_log() {
    const std::string& file = config().log.file;
    if (file == "-") return;
    const io::PathAccess access = io::look_at_path(file);
    const std::string directory = parent_of(file);
    if (access.state == io::PathState::directory) {
      add("log.file", file + ": is a directory");
    } else if (access.state == io::PathState::missing) {
      const io::PathAccess above = io::look_at_path(directory);
      if (above.state != io::PathState::directory) {
        add("log.file",
            directory + ": does not exist; make it: install -d -m 750 -o " + config().server.user + " " + directory);
      } else if (!above.writable) {
        add("log.file", directory + ": " + user() + " may not write there, and " + file + " does not exist");
      }
    } else if (!access.writable) {
      add("log.file", file + ": " + user() + " may not write to it");
    }
  }

  // That others listen at: what is sent there meanwhile is lost, and mail goes on.
  void check_log_sockets() {
    check_log_socket("log.syslog", config().log.syslog, "start the syslog daemon");
    check_log_socket("notify.syslog", config().notify.syslog, "start the syslog daemon");
    check_log_socket("log.journal", config().log.journal, "start systemd-journald");
  }
  void check_log_socket(const std::string& what, const std::string& place, const std::string& start) {
    if (!place.starts_with('/')) return;  // a server, or none
    const io::PathAccess there = io::look_at_path(place);
    const std::string or_else = ", or name another place in " + what;
    if (there.state == io::PathState::missing) {
      add(what, place + ": there is no socket, so that all lines for it would be lost; " + start + or_else);
    } else if (there.state != io::PathState::other) {
      add(what, place + ": is not a socket that " + user() + " can reach; remove it and " + start + or_else);
    } else if (!there.writable) {
      add(what, place + ": " + user() + " may not write to it; give the socket a mode or group that lets it" + or_else);
    }
  }

  // Where there is none yet, it is made at the start.
  void check_log_key() {
    const config::LogConfig& log = config().log;
    if (log.client_addresses != event::AddressForm::hash && log.recipients != event::AddressForm::hash) return;
    const std::string file = event::log_key_file(config().server.state_dir);
    const io::PathAccess there = io::look_at_path(file);
    if (there.state == io::PathState::missing || there.state == io::PathState::unknown) return;
    const std::string remedy =
        "; bring it back as it was, or remove it: then a new one is made, and all addresses get other tokens";
    if (!there.readable) {
      add("log", file + ": " + user() + " may not read it; give it to that user, with mode 0600");
    } else if (const auto key = event::read_log_key(file); !key) {
      add("log", key.error() + remedy);
    }
  }

  bool check_store() {
    auto address = auth::store_address_of(config().store.accounts, config().store.server);
    const auth::StoreResult<> fit =
        address ? auth::check_store(*address) : auth::store_error(auth::StoreError::Kind::refused, address.error());
    if (!fit) {
      add(config().store.key(), fit.error().what);
      return false;
    }
    store_.emplace(*std::move(address));
    const std::string& path = store_->file;
    if (path.empty()) return true;
    // SQLite keeps its journal beside the file.
    if (!io::look_at_path(path).writable) add("store.accounts", path + ": " + user() + " may not write to it");
    if (!io::look_at_path(parent_of(path)).writable)
      add("store.accounts", parent_of(path) + ": " + user() + " may not write there");
    return true;
  }

  void check_client_authorities(WallMillis now) {
    for (const ListenerPlan& listener : plan_->listeners) {
      if (listener.client_ca_pem.empty()) continue;
      const auto authority = tls::ClientAuthority::make(listener.client_ca_pem);
      if (const std::string fault = (*authority)->date_fault(now); !fault.empty())
        add("listener " + listener.rules.name + ": client_ca", fault);
    }
  }

  void check_certificates() {
    const auto clock = io::make_real_clock();
    const config::TlsConfig& tls = config().tls;
    if (std::ranges::none_of(plan_->listeners, &ListenerPlan::uses_tls)) return;
    check_client_authorities(clock->wall());
    const auto faults = certificate_faults(config(), *clock);
    for (const tls::CertificateFault& fault : faults) add("tls.certificates", fault.fault);
    tls::CertificateDirectory directory(tls.certificates);
    tls::CertificateStore store(directory, certificate_options(config()), *clock, [](auto, auto) {});
    if (const auto fine = store.check_default(); !fine) {
      // Where its pair is at fault, that has been said.
      if (std::ranges::find(faults, tls.default_host, &tls::CertificateFault::host) == faults.end())
        add("tls.default_host", fine.error());
    }
    if (tls.default_host.empty() && directory.list().empty())
      found_.notes.push_back("tls.certificates: " + tls.certificates +
                             ": has no certificate in it: clients are shown one "
                             "that is made at the start, and signed by nobody");
  }

  // Files that are read again at a reload, when the relay is root no longer.
  void check_reload() {
    if (!io::look_at_path(file_).readable)
      add(file_, user() + " may not read it, so that no reload could; give it mode 0640 and the group of that user");
    if (const auto again = make_plan(config()); !again)
      for (const std::string& error : again.error()) add(error, "as " + user() + ", at a reload");
  }

  // The issuer is asked: whether it answers now is no matter of the configuration alone.
  void check_oauth() {
    if (!config().oauth) return;
    if (const auto works = auth::try_oauth(*config().oauth); !works) found_.notes.push_back("oauth: " + works.error());
  }

  // Likewise.
  void check_keys() {
    const std::string& isp_domain = config().dkim.rules.isp_domain;
    if (plan_->keys == nullptr || isp_domain.empty()) return;
    const signing::SharedDomainKeys keys =
        plan_->keys->find({.kind = signing::KeyOwner::Kind::domain, .name = isp_domain}, Instant());
    if (keys->keys.empty()) add("dkim.isp_domain", keys->error.empty() ? isp_domain + " has no key" : keys->error);
  }

  void check_cluster() {
    if (!plan_->cluster) return;
    if (const auto works = try_cluster(*plan_->cluster, config().dns); !works)
      found_.notes.push_back("cluster: " + works.error() +
                             "; until a server answers, limits are this relay's local share");
  }

  void check_customers() {
    auto database = auth::read_store(*store_, auth::kRelayWaits);
    std::set<std::string> known;
    auth::StoreResult<> read = auth::without_value(database);
    if (database)
      read = (*database)->query("SELECT name FROM customer", {},
                                [&](const auth::Row& row) { known.insert(smtp::to_lower(row.text(0))); });
    if (!read) return add(config().store.key(), read.error().what);
    for (const config::RouteConfig& each : config().routes)
      for (const std::string& customer : each.conditions.customers)
        if (!known.contains(smtp::to_lower(customer)))
          add("route " + each.route.name,
              "there is no customer " + text::in_quotes(customer) + "; see them with: sluicectl customer list");
    check_scram(**database);
  }

  void check_scram(auth::Database& database) {
    const std::vector<std::string> listeners = scram_alone_listeners(*plan_);
    if (listeners.empty()) return;
    std::int64_t missing = 0;
    if (!database.query(auth::kCountWithoutScram, {}, [&](const auth::Row& row) { missing = row.integer(0); }))
      missing = -1;  // a store of an older version, in which no account has keys
    if (missing == 0) return;
    const std::string accounts = missing == 1  ? "1 account that may log in has"
                                 : missing < 0 ? "accounts have"
                                               : std::to_string(missing) + " accounts that may log in have";
    for (const std::string& listener : listeners)
      found_.notes.push_back("listener " + listener + ": mechanisms: SCRAM is all that there is, and " + accounts +
                             " no keys for it: until then nobody can log in there; " + std::string(kScramAloneRemedy));
  }

  std::string file_;
  std::shared_ptr<const Plan> plan_;
  Inspection found_;
  std::optional<auth::StoreAddress> store_;
  bool acting_ = false;
  bool makes_state_ = false;  // it is not there
};

// Of all that an entry stands for, what the fewest other entries hold for: no host's name is "-".
std::string least_of(const std::string& entry) { return entry.starts_with("*.") ? "-" + entry.substr(1) : entry; }

}  // namespace

Inspection inspect(const std::string& file) { return Inspector(file).run(); }

std::vector<std::size_t> unreachable_routes(const std::vector<config::RouteConfig>& routes,
                                            const route::RouteTable& table) {
  constexpr std::size_t kTriesMax = 200'000;  // beyond, a route is taken to be one that can match
  // What no entry holds for.
  const std::vector<std::string> other_domain{"-.invalid"};
  const std::vector<std::string> no_customer{""};
  std::vector<std::size_t> unreachable;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const route::RouteConditions& conditions = routes[i].conditions;
    const auto& recipients = conditions.recipients.empty() ? other_domain : conditions.recipients;
    const auto& senders = conditions.senders.empty() ? other_domain : conditions.senders;
    const auto& customers = conditions.customers.empty() ? no_customer : conditions.customers;
    if (recipients.size() * senders.size() * customers.size() > kTriesMax) continue;
    const auto reaches = [&](const std::string& recipient, const std::string& sender, const std::string& customer) {
      const bool null_sender = sender == route::kNullSender;
      const std::string recipient_domain = least_of(recipient);
      const std::string sender_domain = null_sender ? "" : least_of(sender);
      return table.find({.recipient_domain = recipient_domain,
                         .sender_domain = sender_domain,
                         .customer = customer,
                         .null_sender = null_sender}) == i;
    };
    const bool reachable = std::ranges::any_of(recipients, [&](const auto& recipient) {
      return std::ranges::any_of(senders, [&](const auto& sender) {
        return std::ranges::any_of(customers,
                                   [&](const auto& customer) { return reaches(recipient, sender, customer); });
      });
    });
    if (!reachable) unreachable.push_back(i);
  }
  return unreachable;
}

}  // namespace sluice::server
