#include "engine/cli/account_table.h"

#include <algorithm>
#include <array>

namespace sluice::cli {
namespace {

using enum AccountObject;
using enum AccountVerb;

constexpr std::array kOptionTexts{
    AccountOptionText{kOptionCustomer, "--customer", "NAME", "The customer that it belongs to."},
    AccountOptionText{kOptionOnly, "--only", "DOMAIN|ADDRESS",
                      "Let the account send only from this domain of its customer's, or as this address; * in its "
                      "local part stands for any text: sales-*@example.com. May be given several times."},
    AccountOptionText{kOptionAnyDomain, "--any-domain", "",
                      "Let the account send from every domain of its customer's."},
    AccountOptionText{kOptionGenerate, "--generate", "",
                      "Make a strong password and print it. It is shown this once and cannot be read back."},
    AccountOptionText{kOptionPasswordStdin, "--password-stdin", "",
                      "Read the password from the first line of standard input."},
    AccountOptionText{kOptionRecursive, "--recursive", "", "Also remove all domains and accounts of the customer."},
    AccountOptionText{kOptionReason, "--reason", "TEXT",
                      "Why, in words for the customer: mail programs show it. Printable ASCII, up "
                      "to 200 characters."},
    AccountOptionText{kOptionDeviceName, "--name", "DEVICE",
                      "What the device is called, such as 'printer, 2nd floor'."},
    AccountOptionText{kOptionExpires, "--expires", "DAYS",
                      "The password is worth nothing after so many days. Needed, and 366 at most, where the account is "
                      "not in the store but in another back end that does not tell whether it still exists "
                      "(POP3, IMAP, HTTP; see userdb_socket in sluice example)."},
    AccountOptionText{kOptionNetwork, "--network", "NETWORK",
                      "Take the password from this network alone, such as 192.0.2.0/24. May be given several times."},
    AccountOptionText{kOptionSender, "--sender", "ADDRESS",
                      "Let the device send as this address alone. May be given several times."},
    AccountOptionText{kOptionCramMd5, "--cram-md5", "",
                      "Make the password good for the mechanism CRAM-MD5, too, for a device that knows no better. What "
                      "the store then keeps of it is enough to log in as that device by CRAM-MD5."},
    AccountOptionText{kOptionFingerprint, "--fingerprint", "SHA256",
                      "The SHA-256 fingerprint of the certificate, with or without colons, as printed by: openssl x509 "
                      "-in FILE -noout -fingerprint -sha256"},
    AccountOptionText{kOptionFormat, "--format", "FORMAT", "passwd-file, htpasswd, sasldb or csv, as above."},
    AccountOptionText{kOptionCustomerFrom, "--customer-from", "domain",
                      "Each account is of the customer that has the domain of its name, such as example.com of "
                      "user@example.com."},
    AccountOptionText{kOptionClass, "--class", "CLASS",
                      "The policy class, one of the configuration's [[class]] (sluice example); '' for none. That of a "
                      "device password goes before its account's, and that before the customer's; where none of them "
                      "has any, it is policy.default_class."},
    AccountOptionText{kOptionSignAs, "--sign-as", "DOMAIN",
                      "The domain of the customer's whose keys sign (DKIM, d=) such of its mail as its author's domain "
                      "has no keys for, nor one above that signs for it; none: such mail goes by dkim.unsigned."},
    AccountOptionText{kOptionNoKeys, "--no-keys", "", "Make no keys: its mail is not signed by the domain."},
    AccountOptionText{kOptionProve, "--prove", "",
                      "The customer has to prove that the domain is its own, and sends nothing from it until then."},
    AccountOptionText{kOptionState, "--state", "STATE", "Those alone that are new, proven, asserted or failing."},
    AccountOptionText{kOptionZone, "--zone", "", "Print the records as lines of a zone file (RFC 1035)."},
    AccountOptionText{kOptionAlgorithm, "--algorithm", "ALGORITHM",
                      "rsa-sha256 or ed25519-sha256; not given: a key of each."},
    AccountOptionText{
        kOptionSeen, "--seen", "",
        "You have seen the records in the DNS, with all name servers of their zone: do not look for them."},
    AccountOptionText{kOptionOutput, "--output", "FILE",
                      "Write FILE in one step, as the owner of the store's file; not given: standard output."},
    AccountOptionText{kOptionUpdate, "--update", "",
                      "Change the zone at the name server dkim.zone_update, as the relay does by itself."},
    AccountOptionText{kOptionOldKeyFile, "--old-key-file", "FILE",
                      "What dkim.wrapping_key_file was before; not given: the keys are not sealed yet."},
    AccountOptionText{kOptionKeyTable, "--opendkim-key-table", "FILE", "OpenDKIM's KeyTable, as a file."},
    AccountOptionText{kOptionSigningTable, "--signing-table", "FILE", "OpenDKIM's SigningTable, as a file."},
    AccountOptionText{kOptionSelectorMap, "--rspamd-selector-map", "FILE",
                      "rspamd's selector_map, as a file; a domain that is in the other map alone has dkim."},
    AccountOptionText{kOptionPathMap, "--rspamd-path-map", "FILE",
                      "rspamd's path_map, as a file; a domain that is in the other map alone has "
                      "/var/lib/rspamd/dkim/$domain.$selector.key."},
    AccountOptionText{kOptionPem, "--pem", "DIRECTORY", "Files DIRECTORY/DOMAIN/SELECTOR.pem, or .der."},
    AccountOptionText{kOptionFrom, "--from", "STORE", "The store that is copied; not given: the configured one."},
    AccountOptionText{kOptionTo, "--to", "STORE", "The store that it is copied into; not given: the configured one."},
    AccountOptionText{kOptionForce, "--force", "", "Remove first what the other store has."},
    AccountOptionText{kOptionDryRun, "--dry-run", "", "Say what would be done and refused, and do nothing."},
    AccountOptionText{kOptionAll, "--all", "", "Check all domains of the store, and print what is not right."},
    AccountOptionText{kOptionAddress, "--address", "IP",
                      "An address from which mail of the domains leaves. May be given several times. Not given: "
                      "dkim.sending_addresses, or those of this machine that others can reach."},
    AccountOptionText{
        kOptionSelector, "--selector", "NAME",
        "Look at the DKIM key SELECTOR._domainkey.DOMAIN. May be given several times. Not given: at the keys "
        "that the store has of the domain, with dkim.enabled and without --signing-domain."},
    AccountOptionText{kOptionPublicKeyFile, "--public-key-file", "FILE",
                      "The public key, in PEM, that belongs to what the selector in front of it signs with."},
    AccountOptionText{kOptionMailFrom, "--mail-from", "DOMAIN",
                      "The domain of the addresses in MAIL FROM; not given: the domain that is checked."},
    AccountOptionText{kOptionSigningDomain, "--signing-domain", "DOMAIN",
                      "The domain that signs (d=); not given: the domain that is checked."},
    AccountOptionText{kOptionTime, "--time", "FORM",
                      "Of moments: local, which is the default, with the zone; iso (RFC 3339, in UTC); epoch (seconds "
                      "since 1970). JSON has them as iso."},
    AccountOptionText{kOptionJson, "--json", "", "Print JSON (RFC 8259), one value on one line."},
};

constexpr std::string_view kPasswordRules =
    "The password is asked for on the terminal, twice and without being shown, unless "
    "--password-stdin or --generate is given. It is never taken from the command line, where other "
    "users of the machine could see it. It takes 1 to 1024 bytes of UTF-8 without control "
    "characters. Only a hash of it is stored (argon2id).";

constexpr std::string_view kImported =
    "Takes over the accounts of FILE, with their passwords as they are. passwd-file: Dovecot's, "
    "name:{SCHEME}hash:uid:gid:gecos:home:shell:extra fields, of which customer=NAME and nologin (suspended) are "
    "taken. htpasswd: Apache's, name:hash. sasldb: what db_dump, or db_dump -p, writes of the sasldb2 that Postfix "
    "uses; "
    "names get their realm. csv: with a header line of the columns name, password (in clear) or hash, customer and "
    "status (active, held, suspended), in any order. What a line says of the customer goes before --customer and "
    "--customer-from; one of these is to be given. "
    "Hashes may be argon2id, yescrypt, bcrypt, SHA-512, SHA-256 or MD5 crypt, $apr1$, PBKDF2, and SHA-1, SHA-256 or "
    "SHA-512 with and without salt, in Dovecot's spelling or crypt's. At the next login each becomes "
    "argon2id. Passwords in clear are hashed before, each in the time of a login; how long that still takes is shown. "
    "Refused is what costs more than 256 MiB or "
    "about a second a login. "
    "Each account that is refused gets a line on standard error, with file, line and reason and without the password; "
    "the others are imported in one transaction, and the exit status is then 1.";

constexpr std::string_view kLimits =
    "LIMIT is QUANTITY/WINDOW=AMOUNT, such as recipients/day=1000; without an AMOUNT, what the class says holds again. "
    "The quantities: recipients, messages, bytes, sessions, first_time_recipients (those that the account has not "
    "written to; each, where its class has notice = \"off\"). The windows: minute, hour, day, month (30 "
    "days). The amount takes the place of the one that the class has for the same quantity and window, with the "
    "class's action; where the class has none, it is a limit more, of which a minute's defers and all others refuse. "
    "Several are set in one transaction.";

constexpr std::string_view kChecked =
    "Asks the name servers of [dns], and says record by record what is there, whether it is right, wrong or missing or "
    "could not be asked, and what to do. SPF (RFC 7208) is evaluated for the sending addresses, with its limits of ten "
    "look-ups and two that find nothing. A DKIM key (RFC 6376) is compared with the one that mail is signed with. "
    "DMARC (RFC 9989) is found by the walk up the tree, and it is said whether SPF and DKIM align with the domain. MX "
    "hosts must have addresses; a null MX is wrong for a domain that sends. Then what Gmail, Outlook.com and Yahoo "
    "make "
    "of it, by the rules that they publish, and of the names of the sending addresses (PTR), which are to lead back to "
    "them. \"authenticated\" is an answer that the name server has checked by DNSSEC. A domain takes a minute at most. "
    "Of a domain such as *.example.com the names below have to be named.";

constexpr std::string_view kNoticed =
    "A running relay notices within a second. Open sessions of the accounts that this is about then end, with 421; a "
    "message whose content is on its way is taken first. Messages that were accepted before stay in the queue.";

constexpr std::string_view kDomainKeys =
    "Where the configuration has dkim.enabled, it gets a signing key of each algorithm, RSA with 2048 bits and "
    "Ed25519, "
    "and the records are printed that its customer is to publish, once: with dkim.zone four CNAMEs into that zone, two "
    "for each algorithm, so that no later key is their business; without it the keys themselves as TXT. An SPF record "
    "that there is already gets the include alone. Nothing is signed with the keys before the relay "
    "(dkim.check_every_s) or sluicectl domain activate has seen their records.";

constexpr std::array kAllAccountCommands{
    AccountCommand{customer, add, "customer", "add", "NAME", 0, 0, "add a customer",
                   "A customer is the paying party: it owns domains and accounts. The store's file is made if it is "
                   "missing. Names take up to 200 bytes, compare without case, and are kept as written.",
                   "sluicectl customer add 'Example Ltd'"},
    AccountCommand{customer, list, "customer", "list", "", kOptionTime | kOptionJson, 0, "list all customers",
                   "Prints each customer with its status and the number of its domains and accounts.",
                   "sluicectl customer list --json"},
    AccountCommand{customer, show, "customer", "show", "NAME", kOptionTime | kOptionJson, 0, "show one customer",
                   "Prints the customer with its domains, also those that it has to prove yet, and accounts.",
                   "sluicectl customer show 'Example Ltd'"},
    AccountCommand{customer, suspend, "customer", "suspend", "NAME", kOptionReason, 0, "let a customer log in no more",
                   "Every account of the customer is refused at login, with the reason if the password was "
                   "right.",
                   "sluicectl customer suspend 'Example Ltd' --reason 'unpaid since May, call 555-0100'"},
    AccountCommand{customer, hold, "customer", "hold", "NAME", kOptionReason, 0, "hold back a customer's mail",
                   "Its accounts may log in, but what they send is kept on hold (sluicectl review), with the reason.",
                   "sluicectl customer hold 'Example Ltd'"},
    AccountCommand{customer, activate, "customer", "activate", "NAME", 0, 0, "undo suspend or hold",
                   "Accounts that are suspended or held themselves stay so.",
                   "sluicectl customer activate 'Example Ltd'"},
    AccountCommand{customer, AccountVerb::set, "customer", "set", "NAME", kOptionClass | kOptionSignAs, 0,
                   "set the policy class of a customer, or the domain that signs for it",
                   "The class is that of all of its accounts and device passwords that have none of their own.",
                   "sluicectl customer set 'Example Ltd' --sign-as example.com"},
    AccountCommand{customer, limit, "customer", "limit", "NAME LIMIT...", 0, 0, "set limits of one customer", kLimits,
                   "sluicectl customer limit 'Example Ltd' recipients/day=20000 recipients/hour="},
    AccountCommand{customer, remove, "customer", "remove", "NAME", kOptionRecursive, 0, "remove a customer",
                   "Refused while the customer has domains or accounts, unless --recursive is "
                   "given. Cannot be undone.",
                   "sluicectl customer remove 'Example Ltd' --recursive"},

    AccountCommand{
        domain, add, "domain", "add", "DOMAIN",
        kOptionCustomer | kOptionProve | kOptionNoKeys | kOptionJson | kOptionZone, kOptionCustomer,
        "let a customer send from a domain",
        "DOMAIN is example.com, which covers exactly itself, or *.example.com (quote "
        "it), which covers every name below example.com but not example.com. An "
        "international name may be written in U-labels or in A-labels (xn--...): it is "
        "one domain, kept and shown in A-labels. That the domain is the customer's is recorded as "
        "asserted: by you. Refused if it meets a domain of another customer. With --prove it is new, and "
        "nobody's yet, until its proof is seen (sluicectl domain prove): a TXT record with the customer's own "
        "token. Several customers may want to prove one domain, and the first that does has it.",
        "sluicectl domain add example.com --customer 'Example Ltd'"},
    AccountCommand{
        domain, list, "domain", "list", "", kOptionCustomer | kOptionState | kOptionTime | kOptionJson, 0,
        "list domains",
        "Prints all domains, or those of one customer, with their states: new (its customer has to prove that "
        "it is its own, and sends nothing from it), proven, asserted (by you), failing (its records are not "
        "right, since when, and what is wrong first).",
        "sluicectl domain list --state failing"},
    AccountCommand{
        domain, show, "domain", "show", "DOMAIN", kOptionCustomer | kOptionTime | kOptionJson, 0, "show one domain",
        "Prints whose it is and how that is known, its state (as in domain list), and its signing keys with "
        "their states and what comes "
        "next for each: published (its record is to be in the DNS), active (it signs), retired (its record "
        "stays for mail that is on its way), revoked; and since when the relay finds a record wrong: after half "
        "an hour the key signs no more, until the record is right. Nobody can read a private key back.",
        "sluicectl domain show example.com"},
    AccountCommand{
        domain, records, "domain", "records", "DOMAIN", kOptionCustomer | kOptionJson | kOptionZone, 0,
        "print the records that a customer publishes",
        "Those of domain add: the proof of a domain that is proven or to be proven, DKIM, SPF (an include, for "
        "the record that there may be) and DMARC (one to begin with). --customer where several want to prove "
        "the domain.",
        "sluicectl domain records example.com --zone"},
    AccountCommand{
        domain, prove, "domain", "prove", "DOMAIN", kOptionCustomer, 0, "look for the proof of a domain now",
        "Asks the DNS for the record that sluicectl domain add --prove has told the customer to publish. Where "
        "it is there, the domain is the customer's, and gets its keys as with domain add. Of several "
        "customers who want to prove it, the one whose token is there has it. The record is to stay there: "
        "domain check looks for it, too. A name server that fails changes nothing.",
        "sluicectl domain prove example.com"},
    AccountCommand{
        domain, zone, "domain", "zone", "", kOptionOutput | kOptionUpdate, 0, "write your zone of all domains' keys",
        "Prints the zone dkim.zone with the keys of all domains, which nsd, knot and bind load. Its serial "
        "rises when something in it has changed, and else stays. Keys that were retired for longer than "
        "dkim.retire_after_s are revoked first: their record stays, with an empty p=, and the private half "
        "is removed. Run it behind each change, and once a day, where the relay keeps neither dkim.zone_file nor "
        "dkim.zone_update.",
        "sluicectl domain zone --output /var/lib/sluice/zone/dkim.isp.example"},
    AccountCommand{domain, rotate, "domain", "rotate", "DOMAIN", kOptionAlgorithm, 0, "make a domain's next keys",
                   "They are made in the slots that are free, to be published: by sluicectl domain zone, or, without "
                   "dkim.zone, by the customer (sluicectl domain records). The present ones sign until the relay "
                   "(dkim.check_every_s) or sluicectl domain activate has seen the new ones. Also for a domain that "
                   "has no keys yet.",
                   "sluicectl domain rotate example.com"},
    AccountCommand{domain, activate, "domain", "activate", "DOMAIN", kOptionSeen, 0,
                   "sign with a domain's published keys",
                   "Their records are looked for in the DNS, and nothing is changed unless all are there. They sign "
                   "dkim.record_ttl_s from now, when nobody remembers that there was no such record. The keys "
                   "before sign until then, and are revoked dkim.retire_after_s later.",
                   "sluicectl domain activate example.com"},
    AccountCommand{domain, rewrap, "domain", "rewrap", "", kOptionOldKeyFile, 0, "seal all private keys anew",
                   "Seals the private keys of all domains with the key in dkim.wrapping_key_file, in one transaction. "
                   "Relays that run with the old key sign nothing with them until they have the new one (reload).",
                   "sluicectl domain rewrap --old-key-file /etc/sluice/wrapping.old"},
    AccountCommand{
        domain, import_keys, "domain", "import-keys", "",
        kOptionKeyTable | kOptionSigningTable | kOptionSelectorMap | kOptionPathMap | kOptionPem | kOptionDryRun, 0,
        "take over signing keys that domains have",
        "Their records are in the DNS already, and so they sign at once. A domain has to be in the store, and "
        "gets one key of each algorithm, where it has none that signs. Of OpenDKIM's tables those keys are "
        "taken that sign the mail of a whole domain in its own name. The customer's records stay as they "
        "are; the key after these is made by sluicectl domain rotate, for which the customer then publishes "
        "what sluicectl domain records says. What is not taken gets a line on standard error; the others "
        "are, and the exit status is then 1.",
        "sluicectl domain import-keys --opendkim-key-table KeyTable --signing-table SigningTable"},
    AccountCommand{domain, AccountVerb::check_dns, "domain", "check", "[DOMAIN...]",
                   kOptionAll | kOptionAddress | kOptionSelector | kOptionPublicKeyFile | kOptionMailFrom |
                       kOptionSigningDomain | kOptionJson,
                   0, "check the DNS records of domains", kChecked,
                   "sluicectl domain check example.com --address 192.0.2.25 --selector s1 --public-key-file s1.pem"},
    AccountCommand{
        domain, remove, "domain", "remove", "DOMAIN", kOptionCustomer, 0, "stop a customer from sending from a domain",
        "Its signing keys are removed with it. Accounts that were narrowed to this domain alone may then "
        "send from none. Of one that is to be proven, by the customer that is named where there are several, "
        "nothing is looked for any more.",
        "sluicectl domain remove example.com"},

    AccountCommand{account, add, "account", "add", "NAME",
                   kOptionCustomer | kOptionOnly | kOptionGenerate | kOptionPasswordStdin, kOptionCustomer,
                   "add an account",
                   "An account is a name and a password to log in with, such as user@example.com. "
                   "It may send from every domain of its customer's unless narrowed with --only. "
                   "Names compare without case.",
                   "sluicectl account add user@example.com --customer 'Example Ltd' --generate"},
    AccountCommand{account, import_file, "account", "import", "FILE",
                   kOptionFormat | kOptionCustomer | kOptionCustomerFrom | kOptionDryRun | kOptionJson, kOptionFormat,
                   "take over accounts of other programs", kImported,
                   "sluicectl account import users --format passwd-file --customer-from domain --dry-run"},
    AccountCommand{account, list, "account", "list", "", kOptionCustomer | kOptionTime | kOptionJson, 0,
                   "list accounts", "Prints all accounts, or those of one customer.", "sluicectl account list --json"},
    AccountCommand{account, show, "account", "show", "NAME", kOptionTime | kOptionJson, 0, "show one account",
                   "Prints everything about it but its password, which nobody can read back.",
                   "sluicectl account show user@example.com"},
    AccountCommand{account, password, "account", "password", "NAME", kOptionGenerate | kOptionPasswordStdin, 0,
                   "set an account's password", "The old password is worth nothing from then on.",
                   "pass show user | sluicectl account password user@example.com --password-stdin"},
    AccountCommand{account, narrow, "account", "narrow", "NAME", kOptionOnly | kOptionAnyDomain, 0,
                   "set what an account may send as",
                   "With --only, from these domains of its customer's alone (or names below those), and as these "
                   "addresses; with --any-domain, from all domains again.",
                   "sluicectl account narrow user@example.com --only shop.example.com"},
    AccountCommand{account, AccountVerb::set, "account", "set", "NAME", kOptionClass, kOptionClass,
                   "set the policy class of an account", "It goes before the customer's.",
                   "sluicectl account set user@example.com --class business"},
    AccountCommand{account, limit, "account", "limit", "NAME LIMIT...", 0, 0, "set limits of one account", kLimits,
                   "sluicectl account limit user@example.com recipients/day=1000"},
    AccountCommand{account, suspend, "account", "suspend", "NAME", kOptionReason, 0, "let an account log in no more",
                   "It is refused at login, with the reason if the password was right.",
                   "sluicectl account suspend user@example.com --reason 'password was stolen, call 555-0100'"},
    AccountCommand{account, hold, "account", "hold", "NAME", kOptionReason, 0, "hold back an account's mail",
                   "It may log in, but what it sends is kept on hold (sluicectl review), with the reason.",
                   "sluicectl account hold user@example.com"},
    AccountCommand{account, activate, "account", "activate", "NAME", 0, 0, "undo suspend or hold",
                   "If its customer is suspended or held, that stays so.",
                   "sluicectl account activate user@example.com"},
    AccountCommand{account, remove, "account", "remove", "NAME", 0, 0, "remove an account", "Cannot be undone.",
                   "sluicectl account remove user@example.com"},

    AccountCommand{
        device, add, "account device", "add", "NAME",
        kOptionDeviceName | kOptionExpires | kOptionNetwork | kOptionSender | kOptionCramMd5 | kOptionCustomer |
            kOptionClass,
        kOptionDeviceName, "make a password for one device",
        "A printer, a program or a phone gets a password of its own for the account NAME, of 20 characters, so "
        "that the mailbox's password is in none of them and each can be revoked alone. It is shown this once. "
        "Capitals, blanks and hyphens do not matter when it is typed in; with CRAM-MD5 it is typed in as it is "
        "shown, or without the hyphens. An account has up to 50. The account "
        "may be in the store or in another back end; there --customer says whose it is, unless a customer has "
        "its domain.",
        "sluicectl account device add user@example.com --name printer --network 192.0.2.0/24"},
    AccountCommand{
        device, list, "account device", "list", "[NAME]", kOptionTime | kOptionJson, 0, "list device passwords",
        "Prints the devices of all accounts, or of one: when each was made and last used, from where, and what "
        "it is bound to. A use is noted once a minute.",
        "sluicectl account device list user@example.com"},
    AccountCommand{device, revoke, "account device", "revoke", "NAME", kOptionDeviceName, kOptionDeviceName,
                   "make a device's password worth nothing", "Cannot be undone.",
                   "sluicectl account device revoke user@example.com --name printer"},

    AccountCommand{
        AccountObject::certificate, add, "account certificate", "add", "NAME", kOptionFingerprint, kOptionFingerprint,
        "let an account log in with a client certificate",
        "Where a listener has client_ca and EXTERNAL among its mechanisms, a client with this certificate and "
        "its key logs in as the account NAME, which is in the store, without a password. A certificate is of "
        "one account; an account has up to 50.",
        "sluicectl account certificate add scanner@example.com --fingerprint 9F:86:D0:..."},
    AccountCommand{AccountObject::certificate, list, "account certificate", "list", "[NAME]", kOptionTime | kOptionJson,
                   0, "list client certificates", "Prints the certificates of all accounts, or of one.",
                   "sluicectl account certificate list scanner@example.com"},
    AccountCommand{AccountObject::certificate, revoke, "account certificate", "revoke", "NAME", kOptionFingerprint,
                   kOptionFingerprint, "let an account log in with a certificate no more",
                   "Where a listener has client_san, a certificate for the account's address goes on being good.",
                   "sluicectl account certificate revoke scanner@example.com --fingerprint 9F:86:D0:..."},

    AccountCommand{AccountObject::store, AccountVerb::copy, "store", "copy", "", kOptionFrom | kOptionTo | kOptionForce,
                   0, "copy all accounts into another store",
                   "From a file into a PostgreSQL database, back, or from one of a kind to another. STORE is the path "
                   "of a file, or config:FILE, which is the store that the configuration FILE names. "
                   "All is copied in one transaction: customers, domains, accounts with their passwords, device "
                   "passwords with their key, so that devices go on working. The other store is made if it is missing; "
                   "refused if it has customers, unless --force is given.",
                   "sluicectl store copy --from /var/lib/sluice/accounts.db --to config:/etc/sluice/sluice.toml"},
};

constexpr std::size_t kWidth = 80;

// `text` in lines of at most kWidth columns, each after `indent` blanks.
void append_wrapped(std::string& page, std::string_view text, std::size_t indent) {
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    if (column != 0 && column + 1 + word.size() > kWidth) {
      page += '\n';
      column = 0;
    }
    page.append(column == 0 ? indent : 1, ' ');
    column += (column == 0 ? indent : 1) + word.size();
    page += word;
    text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
  }
  page += '\n';
}

// What sessions notice.
bool changes_accounts(const AccountCommand& command) {
  constexpr std::array kOthers{list, show, records, zone, rotate, rewrap, import_keys, AccountVerb::check_dns};
  const bool of_keys = command.object == domain && command.verb == activate;
  return !of_keys && std::ranges::find(kOthers, command.verb) == kOthers.end();
}

}  // namespace

constinit const std::span<const AccountOptionText> kAccountOptions = kOptionTexts;
constinit const std::span<const AccountCommand> kAccountCommands = kAllAccountCommands;

std::string account_command_synopsis(const AccountCommand& command) {
  std::string line = "sluicectl ";
  line += command.object_name;
  line += ' ';
  line += command.verb_name;
  if (!command.operand.empty()) (line += ' ') += command.operand;
  for (const AccountOptionText& option : kAccountOptions) {
    if ((command.options & option.option) == 0) continue;
    std::string word(option.name);
    if (!option.value.empty()) (word += ' ') += option.value;
    const bool required = (command.required & option.option) != 0;
    line += required ? " " + word : " [" + word + "]";
    constexpr auto kRepeatable =
        kOptionOnly | kOptionNetwork | kOptionSender | kOptionAddress | kOptionSelector | kOptionPublicKeyFile;
    if ((option.option & kRepeatable) != 0) line += "...";
  }
  return line;
}

std::string account_command_help(const AccountCommand& command) {
  constexpr std::size_t kText = 2;
  constexpr std::size_t kExplanation = 6;
  std::string page = "NAME\n";
  append_wrapped(page,
                 "sluicectl " + std::string(command.object_name) + " " + std::string(command.verb_name) + " - " +
                     std::string(command.summary),
                 kText);
  page += "\nSYNOPSIS\n";
  append_wrapped(page, account_command_synopsis(command), kText);
  page += "\nDESCRIPTION\n";
  append_wrapped(page, command.description, kText);
  if ((command.options & kOptionGenerate) != 0) append_wrapped(page += '\n', kPasswordRules, kText);
  if (command.object == domain && command.verb == add) append_wrapped(page += '\n', kDomainKeys, kText);
  if (changes_accounts(command)) append_wrapped(page += '\n', kNoticed, kText);
  page += "\nOPTIONS\n";
  for (const AccountOptionText& option : kAccountOptions) {
    if ((command.options & option.option) == 0) continue;
    page += "  " + std::string(option.name) + (option.value.empty() ? "" : " " + std::string(option.value)) + "\n";
    append_wrapped(page, option.help, kExplanation);
  }
  page += "  --store PATH, --config FILE\n";
  append_wrapped(page, "The store to work on, or the relay's configuration that names it.", kExplanation);
  page += "  --help\n";
  append_wrapped(page, "Print this text.", kExplanation);
  page += "\nEXIT STATUS\n  0  done\n";
  if (command.verb == AccountVerb::check_dns) page += "  1  a record is not right, or could not be asked\n";
  page += "  1  failed; the reason and the remedy are on standard error\n";
  page += "  2  the command line was not understood\n";
  page += "\nEXAMPLE\n  " + std::string(command.example) + "\n";
  return page;
}

}  // namespace sluice::cli
