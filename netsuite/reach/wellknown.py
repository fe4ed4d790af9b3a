"""Names of TCP ports, and which of them are found open most often.

The system's list (``services(5)``) is asked first; small machines have none, so that the names that matter
are here too.  The order is ours, by what servers, desktops and devices offer.
"""

from __future__ import annotations

import re
import socket

_TABLE = """
80/http 443/https 22/ssh 21/ftp 25/smtp 53/domain 8080/http-alt 3389/ms-wbt-server 445/microsoft-ds
139/netbios-ssn 23/telnet 110/pop3 143/imap 135/epmap 993/imaps 995/pop3s 587/submission 465/submissions
3306/mysql 5432/postgresql 8443/https-alt 111/sunrpc 5900/vnc 1723/pptp 631/ipp 2049/nfs 6379/redis
27017/mongodb 8000/http-dev 8888/http-lab 9000/fastcgi 5060/sip 1433/ms-sql-s 389/ldap 636/ldaps
88/kerberos 179/bgp 548/afpovertcp 554/rtsp 515/printer 9100/jetdirect 8081/http-proxy 3000/http-app
5000/upnp 5001/commplex-link 8001/vcom-tunnel 9090/prometheus 9200/elasticsearch 11211/memcached 5672/amqp
15672/amqp-management 1883/mqtt 8883/mqtts 2375/docker 2376/docker-tls 6443/kubernetes 10250/kubelet
2379/etcd-client 2380/etcd-server 8500/consul 4369/epmd 5222/xmpp-client 5269/xmpp-server 6667/ircu
6697/ircs-u 119/nntp 563/nntps 873/rsync 990/ftps 992/telnets 853/domain-s 1080/socks 3128/squid
8118/privoxy 1194/openvpn 1521/oracle 3268/gc-ldap 5985/wsman 5986/wsmans 49152/dynamic 49153/dynamic
49154/dynamic 49155/dynamic 7/echo 9/discard 13/daytime 19/chargen 37/time 79/finger 113/auth 512/exec
513/login 514/shell 543/klogin 544/kshell 1025/blackjack 1026/cap 2000/cisco-sccp 2121/ftp-alt
2222/ssh-alt 3260/iscsi 3690/svn 4444/krb524 4848/glassfish 5353/mdns 5357/wsdapi 5555/adb
5631/pcanywheredata 5666/nrpe 5800/vnc-http 5901/vnc-1 6000/x11 6001/x11-1 6881/bittorrent
7000/afs3-fileserver 7001/afs3-callback 7077/spark 7474/neo4j 8008/http-alt2 8009/ajp13 8060/roku
8086/influxdb 8089/splunkd 8123/home-assistant 8126/datadog 8180/http-alt3 8333/bitcoin 8554/rtsp-alt
8834/nessus 9001/tor-orport 9042/cassandra 9092/kafka 9093/alertmanager 9160/cassandra-thrift 9418/git
9443/https-alt2 9999/abyss 10000/webmin 10050/zabbix-agent 10051/zabbix-trapper 25565/minecraft 32400/plex
50000/ibm-db2 50070/hdfs 61616/activemq 70/gopher 177/xdmcp 264/bgmp 427/svrloc 500/isakmp 502/modbus
623/asf-rmcp 700/epp 749/kerberos-adm 902/vmware-auth 1099/rmiregistry 1352/lotusnote 1720/h323hostcall
1812/radius 1900/ssdp 2181/zookeeper 2483/oracle-db 3310/clamav 3478/stun 4190/sieve 4242/quassel
4505/salt-publish 4506/salt-request 4567/galera 5044/logstash 5190/aol 5601/kibana 5938/teamviewer
6514/syslog-tls 6660/irc 7687/bolt 8005/tomcat-shutdown 8200/vault 8448/matrix-fed 8787/http-studio
8983/solr 9091/transmission 9191/papercut 9300/elasticsearch-nodes 16509/libvirt 27015/source
28017/mongodb-http
"""

#: Ports with names, the ones found open most often first.
COMMON: dict[int, str] = {
    int(port): name for port, _, name in (entry.partition("/") for entry in _TABLE.split())
}

_NAMES = {name: port for port, name in reversed(COMMON.items())}
_NAME = re.compile(r"[a-z0-9][a-z0-9_.+*/-]{0,31}", re.IGNORECASE | re.ASCII)


def port_named(name: str) -> int | None:
    """Return the TCP port of a service, None if nobody knows it."""
    if not _NAME.fullmatch(name):
        return None
    try:
        return socket.getservbyname(name.lower(), "tcp")
    except OSError:
        return _NAMES.get(name.lower())


def name_of(port: int) -> str | None:
    """Return the service whose TCP port it is by custom, None if there is none."""
    try:
        return socket.getservbyport(port, "tcp")
    except OSError:
        return COMMON.get(port)
