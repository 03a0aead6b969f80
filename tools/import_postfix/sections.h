// The parts of the configuration that is written, each from what Postfix has for it.  Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/import_postfix/document.h"
#include "tools/import_postfix/import.h"
#include "tools/import_postfix/master_cf.h"
#include "tools/import_postfix/parameters.h"

namespace sluice::import_postfix {

// What all of them look at.
struct Postfix {
  MainCf main_cf;
  MasterCf master_cf;
  const Sources* sources = nullptr;
};

// Shows the setting where there is one.  True: there is.
bool show(const Parameters& parameters, std::string_view name, Document& document);

void write_server(const Postfix& postfix, Document& document);
void write_tls(const Postfix& postfix, Document& document);
// [[backend]], and what the accounts' store needs, as commands in comments.
void write_logins(const Postfix& postfix, Document& document);
// [limits], [policy], [[class]], [queue]: parameters that are a number here as there.
void write_numbers(const Postfix& postfix, Document& document);
// Keys of a [[route]] that are numbers.
void write_route_numbers(const Parameters& parameters, Document& document);
void write_listeners(const Postfix& postfix, Document& document);
// `secrets` gets the passwords of logins at next hops.
void write_routes(const Postfix& postfix, Document& document, std::vector<SecretFile>& secrets);
// Each line of both files that no section has shown, with the reason.
void write_rest(const Postfix& postfix, Document& document);

// "1.3" where a list of protocols such as ">=TLSv1.3" or "!TLSv1.2" excludes 1.2; else "1.2".
[[nodiscard]] std::string_view min_version_of(std::string_view protocols);
// The port that a service's name stands for, or its number; 0: none.
[[nodiscard]] unsigned port_of(std::string_view service);
// Whether Postfix has a parameter of this name: others are the operator's own, and may hold a secret.
[[nodiscard]] bool is_known(std::string_view name);
// Whether the service receives mail by SMTP from the network.
[[nodiscard]] bool is_listener(const Service& service);

}  // namespace sluice::import_postfix
