"""IoT Hub on one machine: mosquitto, and the bridge between it and the function apps."""
