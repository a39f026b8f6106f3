# Runs Grafana. It reads its data sources when it starts: when their file (a secret's newest version) is another one,
# the container ends, and Cloud Run starts it anew.
file=/etc/grafana/provisioning/datasources/twinspan.yaml
first=$(cksum < "$file")
/run.sh &
grafana=$!
trap 'kill -TERM "$grafana"; wait "$grafana"; exit' TERM INT
while kill -0 "$grafana" 2>/dev/null; do
    sleep 10 &
    wait "$!"
    if now=$(cksum < "$file") && [ "$now" != "$first" ]; then
        kill -TERM "$grafana"
        break
    fi
done
wait "$grafana"
