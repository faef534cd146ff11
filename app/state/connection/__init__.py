"""How Redis is reached: clients, pools, Sentinel, Cluster, pub/sub, scripts."""
